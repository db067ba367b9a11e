"""Words around labels, in the languages of the region: what announces, parts, denies or follows one."""

from __future__ import annotations

import re

OPTION = (
    r"(?:option|choice|opsi|pilihan|piliyan|letra|lựa\s+chọn|đáp\s+án|phương\s+án)(?![a-z])"
    r"|ตัวเลือก|ข้อ|ຂໍ້|ຕົວເລືອກ|ជម្រើស|ရွေးချယ်မှု|விருப்பம்|தேர்வு|选项|選項"
)
SEPARATED = (
    r"[^\S\n]*+(?:[,/&+;|、，။၊]\s*+|(?:or|and|atau|dan|utawa|lan|jeung|atawa|hoặc|và|at|o|அல்லது|மற்றும்)[^\S\n]++"
    r"|(?:หรือ|และ|ຫຼື|ແລະ|និង|ឬ|သို့မဟုတ်|နှင့်|或者?|和)\s*+)?[(\[*\"']*+"
)
# Words that deny what follows or, the last, what goes before.
DENIED = re.compile(
    r"(?:(?<![^\W_])(?:tidak|bukan(?:lah)?|tak|nggak|gak|ora|dudu|henteu|lain|không(?: phải(?: là)?)?|chẳng|chưa"
    r"|hindi|not)"
    r"|ไม่(?:ใช่|ได้)?|ບໍ່(?:ແມ່ນ)?|មិន(?:មែន)?|[不非没])[\s*\"'“「(]{0,5}\Z",
    re.IGNORECASE,
)
DENIED_AFTER = re.compile(r"[\s*\"'”」)]{0,5}(?:அல்ல|இல்லை|မဟုတ်)")
# Labels that are words of any sentence: `I do not know` is no `not`.
EVERYDAY = frozenset(
    "ya tidak benar salah yes no true false right wrong oo opo hindi tama mali có không đúng sai iya enggak bener "
    "ใช่ ไม่ ไม่ใช่ ถูก ผิด จริง เท็จ ແມ່ນ ບໍ່ ຖືກ ຜິດ បាទ ទេ ត្រូវ ខុស ဟုတ် မှန် မှား ஆம் இல்லை உண்மை பொய் 是 否 对 错 正确 错误".split()
)
# What may follow a label of one letter at once in a script without spaces; another letter makes a word of the two.
PARTICLES = "ครับ|ค่ะ|คะ|นะ|เพราะ|คือ|เป็น|ເພາະ|ແມ່ນ|ເປັນ|ပါ|ဖြစ်|သည်|ဟု|ကို|ព្រោះ|ទេ|គឺ|是|因|的|吧|项|項|选|選"
