"""Abbreviations after whose full stop a sentence goes on, by language.

Our own lists, from everyday usage and the spelling guides. Two kinds: what stands before a name, and what stands before
a number and may be a common word elsewhere (`no.` 5, `hal.` 12), so it counts before a digit only. What mostly ends a
sentence is not here (dll., dsb., etc.), nor single letters, for which there is a rule.
"""

from __future__ import annotations

__all__ = ["BEFORE_NAMES", "BEFORE_NUMBERS"]

_MALAY_NAMES = """
    Bpk. Sdr. Sdri. Tn. Ny. Nn. Dr. dr. drg. drh. Drs. Dra. Ir. Prof. Hj. Kh. KH. K.H. St. Ust. Tgk. Jend. Kol. Kapt.
    Letjen. Mayjen. Jl. Jln. Gg. Kec. Kel. Kab. Kav. Prov. Ds. a.n. u.b. d.a. u.p. Yth. yth. Alm. alm. Almh. PT. CV. UD.
    vs. dgn. yg. Mr. Mrs. Ms.
"""
_MALAY_NUMBERS = """
    No. no. Hlm. hlm. Hal. hal. Ps. Bab. Vol. vol. Cet. cet. Ed. ed. Rp. Tel. Telp. telp. Tlp. tlp. Hp. HP. Tgl. tgl.
    Thn. thn. Jam. Pkl. pkl. Lt. Rt. RT. RW. Blok. Km. km. Gbr. gbr. Tab. Lamp. Art.
"""


def _table(**texts: str) -> dict[str, frozenset[str]]:
    return {code: frozenset(text.split()) for code, text in texts.items()}


BEFORE_NAMES = _table(
    en="""
        Mr. Mrs. Ms. Mx. Messrs. Dr. Prof. Rev. Hon. Sr. Jr. St. Mt. Gen. Col. Maj. Capt. Lt. Sgt. Sen. Rep. Gov. Pres.
        vs. viz. cf. e.g. i.e. approx. ca.
    """,
    id=_MALAY_NAMES,
    jv=_MALAY_NAMES + " R.M. R.A. R.Ay. R.Ng. K.R.T. K.G.P.H.",
    su=_MALAY_NAMES + " R.A. Kp.",
    ms=_MALAY_NAMES + " En. Pn. Kpt. Sjn. Insp. Mej. Jen. Ybhg. YBhg. Y.Bhg. YB. Y.B. Y.A.B. Tmn. Kg. Lrg. Sdn.",
    tl="""
        G. Gng. Bb. Gg. Dr. Dra. Atty. Engr. Arch. Prop. Prof. Kgg. Sen. Kong. Rep. Hen. Kor. Kap. Kapt. Sto. Sta. Mr.
        Mrs. Ms. Brgy. Bgy. Gov. Gob. Rev. Fr. Sr. Jr. St. Pang.
    """,
    vi="GS. PGS. TS. ThS. KS. BS. CN. LS. NSND. NSƯT. Gs. Pgs. Ts. Bs. Tp. TP. Tx. TX. Mr. Mrs. Ms. Dr. vd. VD. Vd.",
    # With the Latin initials as Tamil spells them: எம். ஜி. ஆர்.
    ta="""
        திரு. திருமதி. செல்வி. டாக்டர். பேரா. முனை. மாண்பு. எ.கா. கி.மு. கி.பி. மு.ப. பி.ப. Mr. Mrs. Ms. Dr. ஏ. பி. சி. டி.
        எஃப். ஜி. எச். ஜே. கே. எல். எம். என். ஓ. ஆர். எஸ். யு. வி. டபிள்யூ. எக்ஸ். ஒய்.
    """,
    km="ឯ.ឧ. ព.ស. គ.ស. ម.គ.ស. Mr. Mrs. Ms. Dr.",
    my="Mr. Mrs. Ms. Dr.",
)
BEFORE_NUMBERS = _table(
    en="""
        No. Nos. no. nos. Fig. Figs. fig. figs. Eq. Eqs. eq. Sec. sec. Ch. ch. Vol. vol. pp. p. ed. Art. art. c. Jan.
        Feb. Mar. Apr. Jun. Jul. Aug. Sep. Sept. Oct. Nov. Dec.
    """,
    id=_MALAY_NUMBERS,
    jv=_MALAY_NUMBERS + " Kaca. kc.",
    su=_MALAY_NUMBERS + " kc.",
    ms=_MALAY_NUMBERS + " Bil. bil. m.s. ms. Ting. RM.",
    tl="Blg. blg. No. no. p. pp. Vol. vol. Enr. Ene. Peb. Mar. Abr. Hun. Hul. Ago. Set. Okt. Nob. Dis. Art.",
    vi="No. Tr. tr. tel. Tel. ĐT. đt. Đt. Q. P.",
    ta="எண். ப. பக். தொ. ரூ. தொ.பே. எண். No.",
    km="No. Tel.",
    my="No. Tel.",
)
