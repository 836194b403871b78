"""Two password-protected RAR archives, kept as text.

RAR salts its key at random, so building these afresh would make every site differ. Each holds ``secret/idol.png``
(the 8 px ``sprite(77, 8)``), written by ``rars.RarBuilder(format="rar50", password=PASSWORD, encrypt_headers=…)``.
"""

from base64 import b85decode

PASSWORD = "mossy"

MEMBERS_LOCKED = b85decode(
    "Qeko-8V3OY#Tqj*0|5X4n^II(5d#Js1RMZix1kIG00dG&Qd4qaa&s>*E-^ALGYV~Ca%*LBEpuaNWo=<SF$&H(Hve}515~g92CM-f"
    "wA7_oP*T)L000kjWn*$>bT4USZ)`4bZf7t700R#N>iTD@a-"
    "BAVASjwqvTZI^>ISFWZuatHJV1l&mCU#~XH9KvYj9g<^vho&0ss}+GgT|J0c)zF(7onb8sIRgRdJ)Ob$LZ-vb6-"
    "S{77r^hnV7Bba4yGHZl}F@|}==F9&2J1Sg6b4v_|#p>5h=mUpa$E!&G<x2TNvt^DsNJRzXK&}<W%Xexfxo25-"
    "ZW3qw4{Z_38FmPKuW_sh#in{s+E_>)=Lk>{E49J)nhyvk}IZKm2v;Byt8^(RX@qL;$d4Md$;gQa9ul!V5uVw~Am8rP-"
    "s|I)lM&%x(JB0EsjG_spFYjNqttO0|Z*Uy@b^xY~U~3iLbekEnIyD0Y000"
)
HEADERS_LOCKED = b85decode(
    "Qeko-8V3OYf_pGyAp`&b0S}CqJYnmmUzS_Hq_@tP)*tr14Z)-7Ge$zSYJ*-"
    "o+JhW^NjJj?)6~m%aTtKAoszSNk7PZ>{}hjIvaXsLpdP(iWjew8%s&kakl#QW=j;GxfqXaOvtjhY`vg>3xzX59D$GFN%r>iJg5Yv"
    "ta&s>*E-"
    "^ALGYV~Ca%*LBEpuaNWo=<SF$%?GKUJFVov7iKb#nywhxmrZOpaaGd56BwI@pe0H<6WkMP~fXfFNtwj(c@afMI6}5frTl>ug*;Kz"
    "xkZE%#q$h3`g+H_-?wpM52-_iuP?MAvO-8_@}|iEB#erEU7xeDBCa5BZ^IXR-"
    "}io4?%HMrFa>cK_3vDuV|ef3kEh?9=z)0Lpku&3He&JoCSaB;myG?r)IqfAzDN(8fsx0Q9Qi-"
    "<AllsE1mx*7}(<Dd8aqQ_5>|xrXjsjOgFVTpbSxeCp(k0W)k(S1|s)(pfNBv+q%_RTHrUZugZgzsJWZ-"
    "Q8Q<Q~!^q7Tct9uA)gzE_j4v6#}N(dk6T_+5Z)gCqn(4+kN$$Z_klyzf~LUs!~X8m%;OlzARg3Yvbt$#54bMYKb$cprYlIr@9cG9"
    "|qrB@_UwGTxX3u+ewBzJFOOzDwy&*h2UG2ARlJX`xy*9)g!Ej18x"
)
