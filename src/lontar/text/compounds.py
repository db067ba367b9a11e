"""Vietnamese words of several syllables, which are written with spaces within: `điện thoại` is one word.

Our own list of common ones; what is not in it is cut at each space. Only sequences that are a word wherever they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["VIETNAMESE", "compounds"]

_WORDS = """
hôm qua|hôm nay|hôm kia|hôm sau|hôm trước|ngày mai|ngày kia|bây giờ|bấy giờ|lúc nào|khi nào|bao giờ|bao nhiêu
bao lâu|bao xa|thế nào|như thế nào|vì sao|tại sao|làm sao|ở đâu|cái gì|điều gì|thế giới|việt nam|nhật bản
trung quốc|hàn quốc|thái lan|đông nam á|châu á|châu âu|hà nội|sài gòn|thành phố|thị trấn|thị xã|nông thôn|thủ đô
quốc gia|đất nước|nước ngoài|ngoại quốc|quốc tế|trong nước|địa phương|khu vực|khu phố|làng xã|tỉnh thành|quận huyện
đường phố|vỉa hè|ngã tư|ngã ba|giao thông|xe đạp|xe máy|xe hơi|xe buýt|xe tải|xe lửa|tàu hỏa|tàu điện|tàu điện ngầm
tàu thủy|máy bay|sân bay|nhà ga|bến xe|bến tàu|trạm xe|tắc xi|ô tô|hàng không|hàng hải|đường sắt|đường bộ
đường thủy|hành khách|hành lý|hộ chiếu|du lịch|du khách|khách sạn|nhà hàng|quán ăn|quán cà phê|cửa hàng|siêu thị
chợ búa|công ty|doanh nghiệp|nhà máy|xí nghiệp|văn phòng|cơ quan|tổ chức|ngân hàng|bưu điện|bệnh viện|phòng khám
trường học|đại học|cao đẳng|trung học|tiểu học|mẫu giáo|thư viện|bảo tàng|công viên|rạp chiếu phim|nhà hát
sân vận động|bể bơi|hồ bơi|nhà thờ|nhà cửa|căn hộ|chung cư|ngôi nhà|phòng học|phòng họp|phòng ngủ|phòng khách
phòng tắm|nhà bếp|nhà vệ sinh|hành lang|cầu thang|thang máy|cửa sổ|bàn ghế|giường ngủ|tủ lạnh|máy giặt|máy tính
máy ảnh|máy móc|điện thoại|điện thoại di động|ti vi|truyền hình|máy bay trực thăng|quạt máy|điều hòa|bóng đèn
công tắc|ổ cắm|đồng hồ|kính mắt|quần áo|áo sơ mi|áo khoác|áo dài|giày dép|mũ nón|túi xách|ví tiền|đồ dùng|đồ chơi
đồ ăn|đồ uống|thức ăn|thức uống|bánh mì|bánh kẹo|cơm tấm|phở bò|nước mắm|nước uống|nước ngọt|nước cam|cà phê|trà đá
rượu vang|trái cây|hoa quả|rau củ|thịt bò|thịt heo|thịt lợn|thịt gà|trứng gà|cà chua|khoai tây|cà rốt|dưa hấu
chuối tiêu|gia vị|bữa sáng|bữa trưa|bữa tối|bữa ăn|ăn sáng|ăn trưa|ăn tối|ăn uống|nấu ăn|nấu nướng|ngon miệng
học sinh|sinh viên|giáo viên|thầy giáo|cô giáo|giáo sư|tiến sĩ|thạc sĩ|bạn bè|bạn học|bạn trai|bạn gái|gia đình
bố mẹ|cha mẹ|ba mẹ|ông bà|anh em|chị em|anh chị|vợ chồng|con cái|con trai|con gái|trẻ em|trẻ con|thanh niên
người lớn|người già|phụ nữ|đàn ông|đàn bà|em bé|cháu chắt|họ hàng|hàng xóm|láng giềng|đồng nghiệp|nhân viên
giám đốc|thư ký|kỹ sư|bác sĩ|y tá|luật sư|ca sĩ|nhạc sĩ|diễn viên|nhà văn|nhà báo|phóng viên|cảnh sát|công an
bộ đội|nông dân|công nhân|lái xe|tài xế|khách hàng|chủ tịch|tổng thống|thủ tướng|bộ trưởng|đại biểu|quốc hội
chính phủ|nhà nước|chính quyền|chính trị|kinh tế|xã hội|văn hóa|giáo dục|y tế|khoa học|kỹ thuật|công nghệ
nghệ thuật|âm nhạc|hội họa|văn học|lịch sử|địa lý|toán học|vật lý|hóa học|sinh học|ngoại ngữ|ngôn ngữ|tiếng việt
tiếng anh|tiếng nhật|tiếng nói|từ điển|từ vựng|ngữ pháp|bài tập|bài học|bài thi|bài hát|bài báo|bài viết|kỳ thi
kiểm tra|thi cử|điểm số|đáp án|câu hỏi|câu trả lời|trả lời|đặt câu|lớp học|môn học|học tập|học hành|học hỏi
nghiên cứu|giảng dạy|tốt nghiệp|bằng cấp|chứng chỉ|sách vở|hiệu sách|nhà sách|bút chì|bút bi|cây bút|giấy tờ|tờ báo
tạp chí|tin tức|thông tin|thông báo|quảng cáo|bản đồ|địa chỉ|số điện thoại|thư từ|hộp thư|tem thư|bưu thiếp
quà tặng|món quà|sinh nhật|năm mới|tết nguyên đán|lễ hội|ngày lễ|kỳ nghỉ|nghỉ hè|nghỉ ngơi|nghỉ phép|cuối tuần
đầu tuần|tuần trước|tuần sau|tuần này|tháng trước|tháng sau|năm ngoái|năm nay|năm sau|buổi sáng|buổi trưa
buổi chiều|buổi tối|ban đêm|ban ngày|nửa đêm|thời gian|thời tiết|khí hậu|nhiệt độ|mùa xuân|mùa hè|mùa hạ|mùa thu
mùa đông|mùa mưa|mùa khô|mặt trời|mặt trăng|ngôi sao|bầu trời|đám mây|cơn mưa|cơn gió|cơn bão|động đất|lũ lụt
hạn hán|thiên tai|thiên nhiên|môi trường|ô nhiễm|động vật|thực vật|con người|cây cối|bông hoa|hoa hồng|con mèo
con chó|con chim|con cá|con bò|con gà|con vật|bãi biển|bờ biển|đại dương|dòng sông|ngọn núi|cánh đồng|khu rừng
hòn đảo|thứ hai|thứ ba|thứ tư|thứ năm|thứ sáu|thứ bảy|chủ nhật|tháng giêng|tháng chạp|làm việc|công việc
nghề nghiệp|việc làm|tiền lương|lương bổng|tiền bạc|tiền mặt|giá cả|giá tiền|đắt tiền|giảm giá|mua sắm|mua bán
buôn bán|bán hàng|kinh doanh|đầu tư|sản xuất|sản phẩm|xuất khẩu|nhập khẩu|hàng hóa|thị trường|phát triển|xây dựng
cải thiện|tăng trưởng|chất lượng|số lượng|sử dụng|áp dụng|thực hiện|tiến hành|tham gia|tham dự|tham quan|thăm hỏi
gặp gỡ|nói chuyện|trò chuyện|tâm sự|giới thiệu|giải thích|trình bày|thảo luận|tranh luận|phát biểu|tuyên bố|yêu cầu
đề nghị|đề xuất|kiến nghị|đồng ý|từ chối|cho phép|cấm đoán|quyết định|lựa chọn|chuẩn bị|bắt đầu|kết thúc|tiếp tục
hoàn thành|thành công|thất bại|cố gắng|nỗ lực|kiên trì|hy vọng|mong muốn|ước mơ|mơ ước|tin tưởng|nghi ngờ|lo lắng
lo sợ|sợ hãi|vui vẻ|vui mừng|hạnh phúc|buồn bã|buồn rầu|tức giận|giận dữ|ngạc nhiên|bất ngờ|thất vọng|hài lòng
thỏa mãn|yêu thương|yêu thích|yêu quý|ưa thích|quan tâm|chăm sóc|chăm chỉ|lười biếng|thông minh|ngu ngốc|hiền lành
tốt bụng|dễ thương|đáng yêu|xinh đẹp|đẹp trai|xấu xí|mạnh mẽ|yếu ớt|khỏe mạnh|sức khỏe|bệnh tật|ốm đau|đau đầu
đau bụng|cảm cúm|cảm lạnh|thuốc men|viên thuốc|khám bệnh|chữa bệnh|tiêm chủng|phẫu thuật|nguy hiểm|an toàn|tai nạn
cấp cứu|cứu hộ|cứu hỏa|bảo vệ|bảo hiểm|phòng chống|ngăn chặn|giúp đỡ|hỗ trợ|ủng hộ|phục vụ|cảm ơn|xin lỗi|xin chào
tạm biệt|chúc mừng|làm ơn|vui lòng|thú vị|hấp dẫn|nhàm chán|quan trọng|cần thiết|đặc biệt|bình thường|thông thường
phổ biến|hiếm hoi|khó khăn|dễ dàng|đơn giản|phức tạp|rõ ràng|chính xác|đúng đắn|sai lầm|lỗi lầm|khác nhau
giống nhau|tương tự|so sánh|so với|trước khi|sau khi|trong khi|mặc dù|tuy nhiên|tuy vậy|bởi vì|cho nên|vì vậy|do đó
vậy thì|nếu như|giả sử|thậm chí|hơn nữa|ngoài ra|chẳng hạn|ví dụ|thỉnh thoảng|thường xuyên|luôn luôn|đôi khi
lúc này|lúc đó|khi đó|sau đó|trước đó|gần đây|sắp tới|lập tức|ngay lập tức|từ từ|nhanh chóng|chậm chạp|một chút
một ít|nhiều lắm|rất nhiều|tất cả|toàn bộ|một số|vài ba|mỗi ngày|hàng ngày|hàng tuần|hàng tháng|hàng năm|chúng ta
chúng tôi|chúng nó|chúng mày|các bạn|mọi người|người ta|ai đó|bản thân|lẫn nhau|cùng nhau|với nhau|bên cạnh
bên trong|bên ngoài|bên kia|bên này|phía trước|phía sau|phía trên|phía dưới|ở giữa|xung quanh|đối diện|bên phải
bên trái|tay phải|tay trái|bóng đá|đá bóng|bóng rổ|bóng chuyền|bóng bàn|bóng chày|cầu lông|quần vợt|bơi lội|chạy bộ
đi bộ|đi dạo|leo núi|thể thao|thể dục|trận đấu|cầu thủ|huấn luyện viên|giải thưởng|huy chương|chiến thắng|thi đấu
dương cầm|đàn ghi ta|ca hát|khiêu vũ|chụp ảnh|bức ảnh|bức tranh|vẽ tranh|phim ảnh|bộ phim|xem phim|đọc sách
cuốn sách|quyển sách|câu chuyện|truyện tranh|tiểu thuyết|bài thơ|nhà thơ|kế hoạch|chương trình|dự án|mục đích
mục tiêu|kết quả|nguyên nhân|lý do|ý kiến|ý nghĩa|suy nghĩ|ý tưởng|kinh nghiệm|kiến thức|khả năng|năng lực
trách nhiệm|nhiệm vụ|quyền lợi|quyền hạn|pháp luật|luật pháp|quy định|quy tắc|hợp đồng|thỏa thuận|hòa bình
chiến tranh|quân đội|vũ khí|độc lập|tự do|nổi tiếng|nhộn nhịp|yên tĩnh|sạch sẽ|bẩn thỉu|gọn gàng|ấm áp|mát mẻ
nóng nực|lạnh lẽo|màu sắc|màu đỏ|màu xanh|xanh lá|màu vàng|màu đen|màu trắng|hình như|có lẽ|có thể|chắc chắn
không thể|chưa thể|thì phải|trở về|trở thành|trở lại|quay lại|trả lại|đem theo|mang theo|đi lên|đi xuống|đứng lên
ngồi xuống|lên đường|xuất phát|dừng lại|nằm xuống|thức dậy|ngủ dậy|đi ngủ|đánh răng|rửa mặt|tắm rửa|giặt giũ
dọn dẹp|lau chùi|nội trợ|bật đèn|tắt đèn|món ăn|trung tâm|thương mại|em trai|đóng cửa|em gái|đại sứ quán|tiện lợi
bận rộn|bánh kem|một mình|mở cửa|anh trai|chị gái|thuốc lá|tiếp theo|luyện tập|cắt tóc|liên lạc|lễ tân|chuyển khoản
áo len|cặp sách|sang năm|giá sách|một lúc|hoa sen|thùng thư|sắc đẹp|da trời|kì nghỉ hè|kì nghỉ|cùng với|chữ hán
sôi nổi|im ắng|bất cứ|cho mượn|dự định|làm phiền|bất động sản|ấn độ|bài văn|nhỏ hẹp|máy vi tính|sáng mai|lò sưởi
mái tóc|du học sinh|gạt tàn|đường biển|cơ thể|ghi nhớ|hướng dẫn viên|lưu niệm|cà vạt|câu văn|xì dầu|có vẻ|thân thể
rắn rỏi|com lê|rừng rậm|cậu bé|cô bé|năm kia|năm tới|kết hôn|xếp hàng|chiều nay|sáng nay|tối nay|sáng sủa|yên ả
ồn ào|điếu thuốc|cái bàn|cái ghế|vất vả|trong lành|chiều dọc|khăn tay|xà phòng|đề bài|vùng biển|bồn tắm|bữa tiệc
chút nữa|đúng lúc|nấu cơm|đầu tiên|cuối cùng|bài tập về nhà|nhà ăn|mọi khi|sau đây|nhất là|chân váy|dần dần|tiến bộ
sự thật|vòng quanh|ánh sáng|tuyệt vời|tổng cộng|cây bút bi|hàng ngàn|hàng trăm|đường dây|san sát|thẳng đứng
chiều ngang|viết tay|kế tiếp|giúp việc|làm cho|đừng có
"""


VIETNAMESE = frozenset(word.strip() for line in _WORDS.split("\n") for word in line.split("|") if word.strip())
"""The words, in lower case."""
_FIRST = frozenset(word.split()[0] for word in VIETNAMESE)
_LONGEST = max(len(word.split()) for word in VIETNAMESE)
_SYLLABLE = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f])*")


def compounds(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each word of several syllables, the longest at each place; one space between syllables."""
    lower = text.lower()
    if len(lower) != len(text):  # a letter such as İ
        return
    places = [found.span() for found in _SYLLABLE.finditer(lower)]
    i = 0
    while i < len(places):
        start, end = places[i]
        step = 1
        if lower[start:end] in _FIRST:
            for n in range(min(_LONGEST, len(places) - i), 1, -1):
                last = places[i + n - 1][1]
                if lower[start:last] in VIETNAMESE:
                    yield start, last
                    step = n
                    break
        i += step
