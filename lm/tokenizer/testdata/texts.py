"""The texts of the corpus, and what the small vocabularies are trained on."""

# Several languages, a paragraph each: what the vocabularies are trained on, and part of the corpus.
PARAGRAPHS = [
    "The harbour was quiet in the morning. Two boats came in with the tide, and the men who'd been out all night carried "
    "their nets up the stairs; they didn't talk, they weren't in a hurry, and I'm sure they'll be out again tonight.",
    "She's asked for 12 eggs, 250 grams of butter and 1,000 reasons. We've got 3.14159 of one and none of the others, "
    "so it'd be better to wait until 2031 than to write another list at 07:45.",
    "Der Zug nach München fährt um 9:05 Uhr von Gleis 12 ab; wer ihn verpasst, wartet bis Mittag. Größe, Übermut und "
    "Straßenlärm gehören dazu, sagt die Schaffnerin, und lächelt dabei.",
    "L'été dernier, nous avons marché jusqu'à la rivière où l'eau était déjà froide. Qu'est-ce qu'on mange ? Des œufs, "
    "du pain grillé et du café crème, naturellement.",
    "El niño preguntó: ¿dónde está la montaña? ¡Allí, detrás del río! Mañana iremos con la abuela, que camina despacio "
    "pero conoce todos los senderos.",
    "Поезд идёт на север, и за окном лежит снег. Мы пьём чай, читаем старые письма и молчим; через два часа будет "
    "станция, где всегда продают горячие пирожки.",
    "Το πρωί η θάλασσα ήταν ήσυχη και τα καΐκια γύριζαν στο λιμάνι. Ο Οδυσσέας γέλασε, ήπιε τον καφέ του και είπε ότι "
    "ΟΛΑ είναι ΚΑΛΑ.",
    "ذهبت إلى السوق صباحًا واشتريت خبزًا وزيتونًا وجبنًا. قال البائع إن المطر سيأتي بعد الظهر، فرجعتُ إلى البيت مسرعةً. "
    "عندي ١٢ كتابًا و٣ أقلام.",
    "בבוקר ירדנו אל הים, והמים היו קרים מאוד. סבתא אמרה שלום לכולם וחזרה הביתה עם שני דגים גדולים.",
    "सुबह की गाड़ी देर से आई और स्टेशन पर बहुत भीड़ थी। हमने चाय पी, अख़बार पढ़ा और क्षितिज पर बादल देखे। कुल १२३ यात्री थे।",
    "ตอนเช้าอากาศเย็นสบาย เราเดินไปตลาดเพื่อซื้อผลไม้และข้าวเหนียว แม่ค้าบอกว่าน้ำจะขึ้นตอนบ่าย ราคา ๒๕ บาท",
    "早上的火车晚点了,站台上有很多人。我们喝了茶,看了一会儿书,然后慢慢走回家。山上下雪了,路很滑,二〇二五年的冬天特别冷。",
    "今朝は雨が降っていたので、駅まで傘をさして歩いた。コーヒーを一杯飲んでから、新しい本を3冊買いました。「ありがとう」と店員さんが言った。",
    "아침 기차가 늦게 도착해서 역에 사람이 많았다. 우리는 차를 마시고 책을 읽다가 천천히 집으로 돌아왔다. 값은 12,500원이었다.",
    "Buổi sáng trời mát, chúng tôi đi bộ ra chợ mua bánh mì và cà phê sữa. Người bán hàng nói rằng chiều nay sẽ mưa to.",
    "Sabah treni İstanbul'dan geç geldi; ışıklar söndü, çay içtik ve gülüştük. IĞDIR'da hava soğuktu.",
    "Wczoraj żółw zjadł całą sałatę, a potem spał pod łóżkiem. Źle się z tym czuję, powiedział święty Mikołaj.",
    "func main() {\n\tfor i := 0; i < len(args); i++ {\n\t\tif args[i] == \"--help\" {\n\t\t\tfmt.Println(\"usage: run [-v] FILE\")\n"
    "\t\t\treturn\n\t\t}\n\t}\n}\n",
    "def area(width, height=1.0):\n    \"\"\"Returns the area.\"\"\"\n    if width <= 0 or height <= 0:\n        raise ValueError(f\"bad "
    "size: {width!r} x {height!r}\")\n    return width * height\n\n\nprint(area(3, 4) != 12)\n",
    "SELECT name, count(*) AS n FROM boats WHERE length >= 12.5 AND port = 'Genova' GROUP BY name ORDER BY n DESC LIMIT 10;",
    "<p class=\"note\">Price: &euro;9.99 &mdash; <a href='https://example.org/a?b=c&d=%20#e'>more</a></p>\r\n<!-- end -->\r\n",
    "{\"id\": 17, \"tags\": [\"a\", \"b\"], \"nested\": {\"ok\": true, \"none\": null, \"x\": -1.5e-7}}",
]

# Lines that try one thing each.
LINES = [
    "", " ", "  ", "   ", "\t", "\t\t", "\n", "\n\n", "\r\n", "\r\n\r\n", " \n", "\n ", " \n ", "  \n  \n  x", "\t\n\t\nx", "a\n", "a\n\n", "a \n",
    "a\n\n b", "a\r\nb\rc\nd", "x \r\n\r\n  y", "\u00a0", "a\u00a0b", "a\u00a0 b", "\u2003\u2003a", "\u3000日本\u3000", "a\u0085b", "\u2028a\u2029b",
    "a\u200bb", "\u200b \u200b", "\ufeffhello", "\u0000", "a\u0000b", "\u0001\u0002 \u001f\u007f", "\u009f\u00ad", "a\u000bb\u000cc",
    "hello", " hello", "  hello", "   hello", "hello ", "hello  ", "hello   world", "hello\tworld", "hello \tworld", "\thello", " \t hello",
    "1", "12", "123", "1234", "12345", "123456", "1234567", " 1", " 12", "  123", "1 2 3", "1,234,567.89", "-1", "+1e10", "0x1F", "v1.2.3", "3rd",
    "a1b2c3", "١٢٣٤", "१२३४", "๑๒๓๔", "一二三四", "½", "1½", "²³", "x²", "Ⅷ", "ⅷⅸ", "①②③④", "𝟙𝟚𝟛𝟜", "〇", "㊿", "৴", "\U00010d41", "\U00011de0",
    "'s", "'S", "it's", "IT'S", "It'S", "it'ſ", "'ſa", "I'm", "I'M", "we'll", "WE'LL", "we'Ll", "you're", "YOU'RE", "they've", "THEY'VE", "he'd", "HE'D",
    "can't", "CAN'T", "can't've", "'tis", "''s", "'''", "' s", "'\ns", "rock'n'roll", "'re're", "'llama", "'LLAMA", "'vex", "'dance", "'main", "a's's",
    "l'homme", "l’homme", "it’s", "O'Reilly", "'\u0430", "''''re", "'r", "'l", "'v", "'ré",
    "!", "!!", "!!!", " !", "  !", "! ", "!\n", "!\n\n", " !\n\nx", "!\r\n\r\n", "...", "…", "a...b", "a. b", ".a", "..a", " .a", "\n.a", "(a)", "[a](b)",
    "{{}}", "//", "/* x */", "a/b", "a_b", "__a__", "a-b", "--a", "@user", "#tag", "$5", "$5.00", "€5", "50%", "a&b", "a=b", "==", "!=", "<=>", "->", "=>",
    "~/x", "\\n", "\\\\", "`a`", "^_^", "|a|", "<a>", "¿qué?", "¡sí!", "«a»", "„a“", "。", "、a", "a。b", "!?", "・・・", "—", "a—b", " — ",
    "é", "e\u0301", "café", "cafe\u0301", "E\u0301\u0323", "a\u0323\u0302", "a\u0302\u0323", "ộ", "o\u0302\u0323", "ồ", "\u0301", " \u0301", "\u0301a", "1\u0301",
    "a" + "\u0301" * 5, "a" + "\u0301\u0323" * 20, "a" + "".join(chr(0x300 + i % 60) for i in range(70)), "\u0344", "\u0958", "\u0b47\u0b3e", "ﬁ", "ﬃ", "Å", "Å", "Ω", "Ω",
    "한", "\u1112\u1161\u11ab", "\u1112\u1161", "\u1112 \u1161", "\u1100\u1161\u11a8\u11a8", "가\u11a8", "각", "豈", "\uf900", "\U0002f800", "ẛ\u0323", "\u212b", "\u1e9b\u0323",
    "İ", "ı", "I\u0307", "ß", "ẞ", "Σ", "ς", "ΑΣ", "ΑΣΑ", "ǅ", "Ǆ", "ŉ", "ᏸ", "Ꮳ", "Ა", "ა", "𐐀", "\u1c89", "Ⅳ", "Ⓐ", "Æ", "Œ", "Đ", "Ł", "Ø",
    "😀", "😀😀", " 😀", "a😀b", "👍🏽", "👨‍👩‍👧‍👦", "👩🏾‍🚀", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "❤", "1️⃣", "#️⃣", "☎︎", "🫠", "🫨", "🧑‍🧑‍🧒", "\u200d", "\ufe0f", "a\u200db", "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "مَرْحَبًا", "السَّلَامُ", "ﷺ", "ﻼ", "ـــ", "a\u200fb\u200e", "\u202eabc\u202c", "क्ष", "क्‍ष", "र्क", "ज़", "ज\u093c", "कि", "ข้าว", "น้ำ", "กำ", "ก\u0e4d\u0e32", "ພາສາລາວ", "မြန်မာ",
    "ខ្មែរ", "தமிழ்", "ಕನ್ನಡ", "മലയാളം", "తెలుగు", "বাংলা", "ਪੰਜਾਬੀ", "ગુજરાતી", "සිංහල", "བོད་", "አማርኛ", "ქართული", "հայերեն", "ᠮᠣᠩᠭᠣᠯ", "ᐃᓄᒃᑎᑐᑦ", "ᚠᚢᚦ", "𒀀𒁀", "𓀀", "𠀀𠀁", "𮯰",
    "こんにちは世界", "コンピューター", "ｶﾞｷﾞ", "ガ", "カ\u3099", "が", "か\u3099", "ゝゞ", "々", "〆", "ＡＢＣ１２３", "，。！", "㈱", "℃", "漢字かな交じり文", "东西", "東西a東西", "a东b西c",
    "안녕하세요", "ㅋㅋㅋ", "ᄒᆞᆫ글", "Привет", "ПРИВЕТ", "й", "и\u0306", "Ё", "ё", "Ѐ", "Ѩ", "Ґ",
    "<|endoftext|>", "<|im_start|>user\nhi<|im_end|>", "<|begin_of_text|>", "a<|endoftext|>b", "<|endoftext", "[CLS] a [SEP]", "[UNK]", "[MASK]", "<s></s>", "<unk>",
    "<tool_call>", "<tool_call>{}</tool_call>", "a <tool_call> b", "<tool_call", "<<tool_call>>", "ab  <fill>  cd", "<fill><fill>", " <fill>\n<fill> ", "\u3000<fill>\u3000",
    "solo", "a solo b", "solos", "xsolo", "_solo", "solo_", "solo-solo", "(solo)", "solo1", "solo²", "soloé", "solo\u0301", "ⓐsolo", "Café!", "Cafe\u0301!", "Cafe\u0301!x", "SOLO",
    "ĠĠ", "Ġhello", "Ċ", "â", "Ã©", "Ń", "##ing", "▁hello", "unreachable", " unreachable", "unreachableunreachable", "zzqqxx", " zzqqxx!", "zzqqxx1",
    "antidisestablishmentarianism", "Donaudampfschifffahrtsgesellschaftskapitän", "supercalifragilisticexpialidocious" * 3, "a" * 31, "a" * 32, "a" * 33, "a" * 100, "a" * 101, "é" * 100, "é" * 101,
    "ab" * 50, "abc" * 40, " " * 31, " " * 100 + "x", "\n" * 40, "\t" * 40 + "x", "." * 40, "=" * 80, "-" * 79, "1" * 50, "0123456789" * 8, "ha" * 60 + "!", "的" * 40, "ก" * 40, "😂" * 20, "\u0301" * 40,
    "Aa" * 20, "aA1 " * 20, "x" * 300, "the " * 30, "\r" * 9 + "\n" * 9 + " " * 9 + "\n" + " " * 9 + "a", " \u00a0\u2003\u3000\n\u00a0 a", "\u1680a\u1680", "\u180ea", "\u2060a", "a\u2062b",
    "\ue000", "\uf8ff", "\U000f0000", "\ufdd0", "\ufffe", "\uffff", "\U0010ffff", "\ufffd", "a\ufffdb", "\ud7ff\ue000", "\u0378", "\u05ff", "\U000e0001", "\U0001fffe",
]

# What is no UTF-8: broken off, overlong, surrogates, too large, stray.
BROKEN = [
    b"\xff", b"a\xffb", b"\xff\xfe\xfd", b"\x80", b"\xbf\xbf", b"\xc3", b"\xc3(", b"\xc3\xc3\xa9", b"\xe2\x82", b"\xe2\x82a", b"\xe2(\xa1", b"\xf0\x9f\x98", b"\xf0\x9f\x98x",
    b"\xf0\x9f\x98\xf0\x9f\x98\x80", b"\xf0\x28\x8c\xbc", b"\xc0\xaf", b"\xc1\xbf", b"\xe0\x80\xaf", b"\xe0\x9f\xbf", b"\xf0\x80\x80\xaf", b"\xf0\x8f\xbf\xbf", b"\xed\xa0\x80",
    b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb8\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"caf\xe9 au lait", b" \xe9\n", b"1\xf0\x9f2", b"'\xc5", b"'\xc5\xbf",
    "日本".encode()[:-1], "日本".encode()[1:], b"\xe2\x80\x8d\xe2\x80", b"\xf0\x9f\x91\xa8\xe2\x80",
]
