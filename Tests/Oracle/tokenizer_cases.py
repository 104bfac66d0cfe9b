"""Text tokenizer fixtures: token ids of Qwen2TokenizerFast with the native split pattern."""
import json
import os

import golden
import make_checkpoint

TARGET = "<|im_start|>assistant\n{}<|im_end|>\n<|im_start|>assistant\n"
REFERENCE = "<|im_start|>assistant\n{}<|im_end|>\n"
INSTRUCTION = "<|im_start|>user\n{}<|im_end|>\n"

PLAIN = [
    # Contractions and apostrophes
    "It's", "it'S", "IT'S", "we'll", "we'LL go", "I'M here", "don't", "they've", "they'd've", "you're", "'tis", "rock'n'roll",
    "d'\u00e9t\u00e9", "l'homme", "'s", "''s", "a'sb", "x'reason", "O'Reilly's", "can\u2019t won\u2019t", "'S'T'RE'VE'M'LL'D",
    "she\u2018ll", "'\u017f", "\u017fs'\u017f",
    # Case, identifiers, code
    "iPhone", "XMLHttpRequest", "getUserByIdOrThrow", "snake_case_name", "kebab-case-name", "ABCdefGHI", "McDonald's",
    "func f(_ x: Int) -> [UInt8] { return x &+ 1 }", "#include <stdio.h>\nint main(void) {\n\treturn 0;\n}\n",
    "SELECT * FROM t WHERE a != 'b';", "x = [-b \u00b1 \u221a(b\u00b2-4ac)] / 2a", "<div class=\"x\">&amp;</div>", "a+=b; c<<=2; d>>>3",
    "def f():\n    return 'x'\n\n\n", "$HOME/.local/bin", "C:\\Users\\me\\file.txt", "--no-deps -O3", "{}[]()<>", "/* */ // ///",
    # Merges that begin with '#'
    "#", "##", "###", "####", "#####", "######", "##heading", "# heading", " ##", " ###", " ####", "/###", "a#b #c", "#!", "#!/bin/sh",
    "#define", "#include", "#\n", "##\n\n", "###\r\n", "# ## ### #### # #", "#1", "#a ", " #{x}", "C# F#",
    # Numbers
    "0", "42", "1234567890", "3.14 and 2/3", "1,000,000.00", "2026-11-24T00:21:00Z", "+49 (30) 1234-5678", "0xDEADBEEF", "1e-10",
    "\u0661\u0662\u0663", "\u0967\u0968\u0969", "\u2167 \u00bd \u00b2 \u2460 \u5341", "12345678901234567890123456789012345678901234567890",
    # White space and line ends
    " ", "  ", "   ", " a", "  a", "   a", "a ", "a  ", "a   b", "\t", "\t\ta", "a\tb", "a \tb", "\n", "\n\n", "a\nb", "a\n\nb", "a \n b",
    "a  \n  b", "\r\n", "a\r\nb\r\n", "a\r\n\r\nb", "a\rb", " \n \n ", "\n  a", "\u00a0a\u00a0b", "a\u2003b", "\u3000\u5168\u89d2", "a\u2028b",
    "a\u0085b", "a\u000bb\u000cc", "\u200bzero\u200bwidth", "\ufeffbom", "   leading", "trailing   ", "tab\tand\nnewline\n\nend",
    # Punctuation
    "...!!!???", "\u2014 \u2026 \u201cquoted\u201d", "!\n", "?!\r\n\r\n", "(a)", "a,b.c;d:e", "-", "--", "----------", "==========", "* * *", "___",
    "\u00bfQu\u00e9? \u00a1S\u00ed!", "\u3001\u3002\u300c\u300d\u3010\u3011", "\uff0c\uff01\uff1f\uff1a", "\u20ac5 $6 \u00a37 \u00a58", "50% & more @ 9",
    # Web
    "https://example.com/a/b?c=d", "https://en.wikipedia.org/wiki/Swift_(programming_language)#History", "user@example.com", "www.example.org", "@name #tag",
    # Chinese, Japanese, Korean
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01", "\u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u6211\u4eec\u53bb\u516c\u56ed\u6563\u6b65\u5427\u3002", "\u7e41\u9ad4\u4e2d\u6587\u6e2c\u8a66", "\u4e2d\u6587English\u6df7\u5408123",
    "\U00020000\U00020001", "\u3053\u3093\u306b\u3061\u306f\u4e16\u754c", "\u30c6\u30ec\u30d3\u3067\u30cb\u30e5\u30fc\u30b9\u3092\u898b\u307e\u3059\u3002", "\u304b\u3099\u306f\u309a", "\uff76\uff9e", "\uff21\uff22\uff43\uff11\uff12",
    "\uc548\ub155\ud558\uc138\uc694", "\uc624\ub298 \ub0a0\uc528\uac00 \uc88b\ub124\uc694.", "\u1112\u1161\u11ab\u1100\u1173\u11af", "\u1100\u1161", "\uac00\u11a8", "\u3131\u314f", "\ud55c\uae00 \u1112\u1161\u11ab",
    # European
    "caf\u00e9 cafe\u0301", "na\u00efve fa\u00e7ade", "\u00dcber stra\u00dfe", "U\u0308ber", "A\u030a \u212b \u00c5", "e\u0323\u0302 \u1ec7 e\u0302\u0323", "\u1e9b\u0323", "Za\u017c\u00f3\u0142\u0107 g\u0119\u015bl\u0105 ja\u017a\u0144", "\u0130stanbul \u0131",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!", "\u0438\u0306 \u0439", "\u0395\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac \u03b1\u0301", "\ufb01 \ufb02 \ufb03", "o\ufb03ce \uff21 \u2460 \u2122", "\u2126 \u03a9 \u212a K", "\u01c5 \u01f2 \u02b0 \u00aa",
    # Scripts with combining marks, right to left
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e04\u0e23\u0e31\u0e1a", "\u0e19\u0e49\u0e33 \u0e01\u0e33", "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e", "\u0958 \u0915\u093c", "\u0995\u09cb \u0995\u09c7\u09be", "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd", "\u0f40\u0f71\u0f72",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645", "\u0645\u064e\u0631\u0652\u062d\u064e\u0628\u064b\u0627", "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd", "\ufb2a \u05e9\u05c1", "\u0627\u0653 \u0622", "abc \u05d0\u05d1\u05d2 123", "\u200f\u05e9\u05dc\u05d5\u05dd\u200e!",
    "a\u0301\u0300\u0302", "a\u0300\u0301", "\u0301a", " \u0301", "\u0344", "\u0374\u037e\u0387", "\u2000\u2001", "\u00a8 \u0385 \u1fc1", "\ufa0e \uf900 \uf9ff \U0002f800", "\u0344\u0f73\u0f75",
    # Emoji and symbols
    "\U0001f600", "\U0001f600\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd ok", "\U0001f1e9\U0001f1ea", "1\ufe0f\u20e3", "\u2764\ufe0f", "\u2600 \u260e \u2713", "\u2211\u222b\u2202\u221e",
    "\u25a0\u25cf\u2591", "\ue000\uf8ff", "\ufffd", "\u0378\u0379", "\x00", "\x01\x7f", "a\x00b",
    # Added tokens in user text, and things that look like them
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "a<|im_end|>b", "hello <|im_end|> there", "<|im_end|>\n<|im_start|>user\n", "<think>a</think>",
    "<tool_call>{}</tool_call>", "<tool_response></tool_response>", "<tts_pad><tts_text_bos><tts_text_eod><tts_text_bos_single><|audio_pad|>",
    " <tts_pad> ", "<|fim_prefix|><|fim_middle|><|fim_suffix|><|fim_pad|><|repo_name|><|file_sep|>",
    "<|object_ref_start|><|object_ref_end|><|box_start|><|box_end|><|quad_start|><|quad_end|>",
    "<|vision_start|><|image_pad|><|video_pad|><|vision_pad|><|vision_end|><|audio_start|><|audio_end|>",
    "<|im_start|", "<|im_start>", "<im_start>", "< |im_end|>", "<|im_end |>", "<|IM_END|>", "<|not_special|>", "<<|im_end|>>", "<|<|im_end|>|>",
    "<|im_<|im_end|>end|>", "|>", "<tts_text_bos", "<tts_text_bos_", "<tts_text_bos_single", "<think", "</think", "<|im_end|><|im_end|>", "e<|im_end|>\u0301",
    "cafe<think>\u0301", "<t\u0301ts_pad>", "\uff1c|im_end|\uff1e",
    # Whole sentences in the ten languages
    "The quick brown fox jumps over the lazy dog.", "\u6211\u660e\u5929\u4e0b\u5348\u4e09\u70b9\u6709\u4e2a\u4f1a\u8bae\u3002", "\u660e\u65e5\u306e\u5348\u5f8c\u4e09\u6642\u306b\u4f1a\u8b70\u304c\u3042\u308a\u307e\u3059\u3002", "\ub0b4\uc77c \uc624\ud6c4 \uc138 \uc2dc\uc5d0 \ud68c\uc758\uac00 \uc788\uc5b4\uc694.",
    "Zw\u00f6lf Boxk\u00e4mpfer jagen Viktor quer \u00fcber den gro\u00dfen Sylter Deich.", "Portez ce vieux whisky au juge blond qui fume.",
    "\u0421\u044a\u0435\u0448\u044c \u0436\u0435 \u0435\u0449\u0451 \u044d\u0442\u0438\u0445 \u043c\u044f\u0433\u043a\u0438\u0445 \u0444\u0440\u0430\u043d\u0446\u0443\u0437\u0441\u043a\u0438\u0445 \u0431\u0443\u043b\u043e\u043a.", "\u00c0 noite, vov\u00f4 Kowalsky v\u00ea o \u00edm\u00e3 cair no p\u00e9 do ping\u00fcim.",
    "El ping\u00fcino Wenceslao hizo kil\u00f3metros bajo exhaustiva lluvia.", "Quel vituperabile xenofobo zelante assaggia il whisky.",
    "supercalifragilisticexpialidocious antidisestablishmentarianism", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ab" * 40, "\u54c8" * 30, "", "!" * 70, " " * 70, "\n" * 20, "#" * 50,
]
WRAPPED = ["Hello world, this is a test.", "\u4f60\u597d\uff0c\u4e16\u754c\u3002", "", "\nstarts with a line end", "ends with a line end\n", "  spaces  ", "##", "It's <|im_end|> here",
           "\u0301combining", "\r\n", "Speak slowly, in a warm and deep voice.", "\U0001f600"]


def texts():
    listed = list(golden.TEXTS) + PLAIN
    listed += [wrapper.format(text) for text in WRAPPED for wrapper in (TARGET, REFERENCE, INSTRUCTION)]
    return list(dict.fromkeys(listed))


def check_derivation(vocab, merges):
    """vocab.json is the byte alphabet in its own order, then one token per merge, in order."""
    table, order = make_checkpoint.byte_alphabet()
    tokens = [table[b] for b in order] + [m.replace(" ", "") for m in merges.decode().splitlines()]
    made = json.dumps({t: i for i, t in enumerate(tokens)}, ensure_ascii=False, separators=(",", ":")).encode()
    assert made == vocab


def rows(folder):
    from transformers import Qwen2TokenizerFast
    tokenizer = Qwen2TokenizerFast.from_pretrained(folder)
    return [dict(text=text, ids=tokenizer(text)["input_ids"]) for text in texts()]


def write(path, listed):
    with open(path, "w", encoding="ascii") as f:
        f.write("[\n" + ",\n".join(json.dumps(row, ensure_ascii=True, separators=(",", ":")) for row in listed) + "\n]\n")


def make(checkpoint, work, out):
    os.makedirs(out, exist_ok=True)
    folder = checkpoint("0.6B", "custom_voice", 1, os.path.join(work, "tokenizer"), "--metadata-only")
    with open(os.path.join(folder, "vocab.json"), "rb") as f:
        vocab = f.read()
    with open(os.path.join(folder, "merges.txt"), "rb") as f:
        merges = f.read()
    for name, data in (("vocab.json", vocab), ("merges.txt", merges)):
        assert make_checkpoint.sha256(data) == make_checkpoint.RELEASED_SHA256[name], name
    check_derivation(vocab, merges)
    with open(os.path.join(out, "merges.txt"), "wb") as f:
        f.write(merges)
    write(os.path.join(out, "cases.json"), rows(folder))
    tiny = checkpoint("tiny", "custom_voice", 1, os.path.join(work, "tiny-tokenizer"), "--metadata-only")
    with open(os.path.join(tiny, "vocab.json"), "rb") as f, open(os.path.join(tiny, "merges.txt"), "rb") as g:
        check_derivation(f.read(), g.read())
    write(os.path.join(out, "tiny-cases.json"), rows(tiny))
    print(f"tokenizer: {len(texts())} texts")
