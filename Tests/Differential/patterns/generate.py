#!/usr/bin/env python3
"""Prints patterns and texts with RE2's verdicts (PyPI `google-re2`), for PatternsTests to compare with ours.

    generate.py cases SEED PATTERNS TEXTS    random patterns, each with TEXTS random texts if RE2 accepts it
    generate.py classes                      the members of every Unicode class and every case-folding class

Lines of `cases`, everything in hexadecimal UTF-8 or bytes ("-" if empty):

    p PATTERN SIZE         RE2 refuses the pattern if SIZE is 0, else it is the size of RE2's program
    t TEXT FULL SEARCH     for the last pattern: 1 or 0 for RE2::FullMatch and RE2::PartialMatch

Lines of `classes`:

    c NAME LO-HI ...       code points of \\p{NAME}
    f CODEPOINT ...        code points that (?i) holds equal

Deliberate differences, each enforced by the test that reads these lines:

  * Program size. We refuse programs above 10,000 instructions, RE2 above its memory limit. The test lets us refuse an
    accepted pattern for its size only if RE2's program, which is counted differently, has 2,500 instructions or more.
  * Nesting. We refuse more than 100 open groups or nested repetitions, RE2 has no limit. Nothing here nests so deep.
  * Unicode version. Our general categories and case folding are the standard library's, RE2's those of Unicode 15.
    `classes` is compared on code points that both versions assign; `changed` in the test lists code points
    whose category changed in between. Texts here use code points that did not change.
"""

import random
import re
import sys

import re2

OPTIONS = re2.Options()
OPTIONS.log_errors = False

CATEGORIES = (
    "Any C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs"
).split()
SCRIPTS = "Latin Greek Cyrillic Han Hiragana Katakana Hangul Arabic Hebrew Thai Devanagari Common Inherited".split()

SIMPLE = list("abcxyzABKSks019_-/. :,~%\n\t")
FOREIGN = list("éÉßẞſKåÅµσςΣжЖ中文字あア한א٣€😀𐐀𐐨ǅdžⅷ\u0301\u00a0\u2028ıİi")
BROKEN = [
    b"\x80",
    b"\xbf",
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xc3",
    b"\xe0\x80\x80",
    b"\xe2\x82",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xf0\x80\x80\x80",
    b"\xf0\x9f\x98",
    b"\xf4\x8f\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80",
    b"\xff",
    b"\xfe",
    b"\x00",
    b"\x7f",
]
PERL = {"d": "0123456789", "w": "azAZ09_kKsS", "s": " \t\n\r\f"}
POSIX = "alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit foo".split()


def quoted(char):
    return "\\" + char if char in r"\.+*?()|[]{}^$" else char


class Generator:
    """Makes a pattern and, beside it, a function that makes texts which the pattern is likely to match."""

    def __init__(self, rng):
        self.rng = rng

    def char(self):
        rng = self.rng
        return rng.choice(SIMPLE) if rng.random() < 0.8 else rng.choice(FOREIGN)

    def literal(self):
        rng, char = self.rng, self.char()
        roll = rng.random()
        if roll < 0.80:
            source = quoted(char)
        elif roll < 0.86:
            source = "\\x{%x}" % ord(char)
        elif roll < 0.90 and ord(char) < 256:
            source = "\\x%02x" % ord(char)
        elif roll < 0.94 and ord(char) < 512:
            source = "\\%03o" % ord(char)
        elif roll < 0.97:
            char = "".join(self.char() for _ in range(rng.randint(0, 3))).replace("\\", "")
            source = "\\Q" + char + "\\E"
        else:
            source = quoted(char)
        return source, lambda: char.encode()

    def named_class(self):
        rng = self.rng
        roll = rng.random()
        if roll < 0.6:
            letter = rng.choice("dws")
            members = PERL[letter]
            if rng.random() < 0.35:
                return "\\" + letter.upper(), lambda: self.char().encode()
            return "\\" + letter, lambda: rng.choice(members).encode()
        name = rng.choice(CATEGORIES) if rng.random() < 0.7 else rng.choice(SCRIPTS)
        letter = rng.choice("ppP")
        caret = "^" if rng.random() < 0.1 else ""
        source = "\\%s%s" % (letter, name) if len(name) == 1 and not caret else "\\%s{%s%s}" % (letter, caret, name)
        return source, lambda: self.char().encode()

    def bracket(self):
        rng = self.rng
        parts, members = [], []
        for _ in range(rng.randint(1, 4)):
            roll = rng.random()
            if roll < 0.45:
                char = self.char()
                parts.append("\\" + char if char in "\\]^-[" else char)
                members.append(char)
            elif roll < 0.75:
                low, high = sorted([self.char(), self.char()])
                if rng.random() < 0.1:
                    low, high = "\\x{80}", rng.choice(["\\x{10FFFF}", "\\x{10ffff}", "\\x{7ff}", "\\x{d801}"])
                    members.append("é")
                else:
                    members += [low, high]
                    low, high = (c if c not in "\\]^-[" else "\\" + c for c in (low, high))
                parts.append(low + "-" + high)
            elif roll < 0.88:
                source, sample = self.named_class()
                parts.append(source)
                members.append(sample().decode())
            elif roll < 0.97:
                parts.append("[:%s%s:]" % (rng.choice(["", "", "^"]), rng.choice(POSIX)))
                members.append(self.char())
            else:
                parts.append(rng.choice(["-", "]", "^", "\\-", ".", "[", "\\b", "\\C", "\\Q"]))
                members.append("-")
        negated = rng.random() < 0.3
        source = "[" + ("^" if negated else "") + "".join(parts) + "]"
        if negated:
            return source, lambda: self.char().encode()
        return source, lambda: rng.choice(members).encode()

    def atom(self, depth):
        rng = self.rng
        roll = rng.random()
        if depth <= 0 or roll < 0.40:
            return self.literal()
        if roll < 0.48:
            return ".", lambda: self.char().encode() if rng.random() < 0.9 else rng.choice(BROKEN)
        if roll < 0.60:
            return self.bracket()
        if roll < 0.68:
            return self.named_class()
        if roll < 0.76:
            look = rng.choice(["^", "$", "\\b", "\\B", "\\A", "\\z", "^", "$"])
            return look, lambda: b""
        if roll < 0.78:
            return "\\C", lambda: rng.choice(BROKEN)[:1] or b"a"
        source, sample = self.alternation(depth - 1)
        opening = rng.choice(
            [
                "(",
                "(",
                "(?:",
                "(?:",
                "(?:",
                "(?P<n>",
                "(?<n1>",
                "(?i:",
                "(?s:",
                "(?m:",
                "(?U:",
                "(?i-s:",
                "(?sm-i:",
                "(?-m:",
            ]
        )
        return opening + source + ")", sample

    def piece(self, depth):
        rng = self.rng
        source, sample = self.atom(depth)
        if rng.random() < 0.62:
            return source, sample
        if len(source) > 1 and not re.fullmatch(
            r"\\.|\\x..|\\[pP].|\\[px]\{[^}]*\}|\\[0-7]{3}|\[.*\]|\(.*\)", source, re.S
        ):
            source = "(?:" + source + ")"
        roll = rng.random()
        if roll < 0.25:
            low, high, text = 0, 3, "*"
        elif roll < 0.5:
            low, high, text = 1, 3, "+"
        elif roll < 0.72:
            low, high, text = 0, 1, "?"
        else:
            low = rng.randint(0, 3)
            high = low + rng.randint(0, 3)
            if rng.random() < 0.02:
                low, high = rng.choice([(0, 40), (30, 60), (999, 1000), (0, 1001), (5, 2)])
            text = rng.choice(["{%d}" % low, "{%d,}" % low, "{%d,%d}" % (low, high), "{%d,%d}" % (low, high)])
        if rng.random() < 0.2:
            text += "?"
        if rng.random() < 0.01:
            text += rng.choice("*+?{")
        low, high = min(low, high, 70), min(max(low, high), 70)
        return source + text, lambda: b"".join(sample() for _ in range(rng.randint(low, high)))

    def concatenation(self, depth):
        rng = self.rng
        pieces = [self.piece(depth) for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4, 5]))]
        source = "".join(p[0] for p in pieces)
        if rng.random() < 0.05:
            source = rng.choice(["(?i)", "(?s)", "(?m)", "(?i)(?-i)", "(?sm)", "(?U)"]) + source
        return source, lambda: b"".join(p[1]() for p in pieces)

    def alternation(self, depth):
        rng = self.rng
        branches = [self.concatenation(depth) for _ in range(rng.choice([1, 1, 1, 1, 2, 2, 3]))]
        return "|".join(b[0] for b in branches), lambda: rng.choice(branches)[1]()

    def deep_counts(self):
        source, sample = self.literal()
        for _ in range(self.rng.randint(2, 5)):
            count = self.rng.randint(1, 9)
            source = "(?:%s){%d%s}" % (source, count, self.rng.choice(["", ",", ",%d" % (count + 1)]))
        return source, sample

    def soup(self):
        tokens = [
            "a",
            "b",
            "é",
            "(",
            ")",
            "(?:",
            "(?i)",
            "(?P<",
            "n>",
            "(?=",
            "(?<=",
            "(?<",
            "[",
            "]",
            "[^",
            "-",
            "\\",
            "\\p",
            "{",
            "}",
            "{2}",
            "{2,",
            "{,3}",
            "{01}",
            "{9999999999}",
            "1",
            ",",
            "*",
            "+",
            "?",
            "|",
            "^",
            "$",
            ".",
            "\\Q",
            "\\E",
            "\\x",
            "\\x{",
            "41",
            "\\1",
            "\\0",
            "\\8",
            "[:alpha:]",
            "[[:",
            ":]",
            "\\pL",
            "\\p{",
            "Greek}",
            "\\d",
            "\\z",
            "\\Z",
            "\\C",
            "\\_",
            "(?i",
            "(?-",
            "i)",
            ":",
            ">",
            "(?#",
            "\\u",
            "(?P=n)",
            "\\pN",
            "a-z",
            "\\é",
            "(?s-i:",
            "\n",
        ]
        source = "".join(self.rng.choice(tokens) for _ in range(self.rng.randint(1, 9)))
        return source, lambda: self.char().encode()

    def pattern(self):
        rng = self.rng
        roll = rng.random()
        if roll < 0.06:
            return self.soup()
        if roll < 0.08:
            return self.deep_counts()
        source, sample = self.alternation(rng.choice([0, 1, 1, 2, 2, 3]))
        if rng.random() < 0.15:
            source = rng.choice(["/api/", "/v", "abc", "^/x", "^", "\\A", "(?m)^a", "é"]) + source
        if rng.random() < 0.1:
            source += rng.choice(["$", "\\z", ".*", ".*$", "(?m)$", "(?s).*", "\\b"])
        if rng.random() < 0.2:
            source = rng.choice(["(?i)", "(?s)", "(?m)", "(?im)", "(?ism)", "(?i-s)"]) + source
        if rng.random() < 0.08 and source:
            at = rng.randrange(len(source))
            source = (
                source[:at] + rng.choice(["", "(", ")", "[", "\\", "*", "|", "{"]) + source[at + rng.randint(0, 1) :]
            )
        return source, sample

    def text(self, sample):
        rng = self.rng
        roll = rng.random()
        if roll < 0.1:
            return b"".join(self.char().encode() for _ in range(rng.randint(0, 8)))
        text = sample()[:400]
        if roll < 0.5:
            return text
        if roll < 0.6:
            return (
                rng.choice([b"a", b"\n", b"-", b"/api/", b"\xc3\xa9", b""])
                + text
                + rng.choice([b"\n", b"b", b"", b" "])
            )
        if roll < 0.7:
            try:
                return rng.choice([str.upper, str.lower, str.swapcase])(text.decode()).encode()
            except UnicodeDecodeError:
                return text
        at = rng.randint(0, len(text))
        if roll < 0.8:
            return text[:at] + rng.choice(BROKEN) + text[at:]
        if roll < 0.9:
            return text[:at] + self.char().encode() + text[at + rng.randint(0, 1) :]
        return text[:at] + text[at + 1 :]


def hexadecimal(data):
    return data.hex() or "-"


def cases(seed, patterns, texts):
    rng = random.Random(seed)
    generator = Generator(rng)
    lines = []
    for _ in range(patterns):
        source, sample = generator.pattern()
        encoded = source.encode()
        try:
            compiled = re2._re2.RE2(encoded, OPTIONS)
            accepted = compiled.ok()
        except re2.error:
            accepted = False
        lines.append("p %s %d" % (hexadecimal(encoded), compiled.ProgramSize() if accepted else 0))
        if not accepted:
            continue
        for _ in range(texts):
            text = generator.text(sample)
            verdicts = [
                compiled.Match(anchor, text, 0, len(text))[0] != (-1, -1)
                for anchor in (re2._Anchor.ANCHOR_BOTH, re2._Anchor.UNANCHORED)
            ]
            lines.append("t %s %d %d" % (hexadecimal(text), *verdicts))
    print("\n".join(lines))


def classes():
    # Every code point as RE2 sees it, the encodings of surrogates included.
    everything = "".join(map(chr, range(0x110000))).encode("utf-8", "surrogatepass")
    names = CATEGORIES + script_names()
    for name in names:
        ranges = []
        for match in re2.finditer(b"\\p{%s}+" % name.encode(), everything, OPTIONS):
            run = match.group().decode("utf-8", "surrogatepass")
            ranges.append("%x-%x" % (ord(run[0]), ord(run[-1])))
        print("c", name, *ranges)
    cased = [
        code
        for code in range(0x80, 0x110000)
        if chr(code).lower() != chr(code) or chr(code).upper() != chr(code) or chr(code).casefold() != chr(code)
    ]
    haystack = "".join(map(chr, sorted(set(range(0x80)) | set(cased)))).encode()
    for code in list(range(0x80)) + cased:
        equal = re2.findall(b"(?i)\\x{%x}" % code, haystack, OPTIONS)
        print("f", "%x" % code, *sorted("%x" % ord(e.decode()) for e in equal))


def script_names():
    import pathlib

    table = pathlib.Path(__file__).resolve().parents[3] / "Sources/Patterns/UnicodeScriptTable.swift"
    return re.findall(r"^        ([A-Z]\w+) ", table.read_text(), re.M)


if __name__ == "__main__":
    if sys.argv[1] == "cases":
        cases(*map(int, sys.argv[2:5]))
    else:
        classes()
