import Testing

@testable import Patterns

private struct Case: CustomTestStringConvertible {
    var pattern: String
    var whole: [String]
    var notWhole: [String]

    init(_ pattern: String, _ whole: [String], not notWhole: [String]) {
        self.pattern = pattern
        self.whole = whole
        self.notWhole = notWhole
    }

    var testDescription: String { pattern }
}

/// Bytes in, as the proxy has them.
func matchesWhole(_ pattern: Pattern, _ text: [UInt8], _ scratch: PatternScratch = PatternScratch()) -> Bool {
    text.withUnsafeBufferPointer { pattern.matchesWhole($0, scratch) }
}

func find(_ pattern: Pattern, _ text: [UInt8], _ scratch: PatternScratch = PatternScratch()) -> Bool {
    text.withUnsafeBufferPointer { pattern.find($0, scratch) }
}

@Suite("A pattern")
struct MatchingTests {
    @Test(
        "matches a text only from end to end",
        arguments: [
            Case("", [""], not: ["a"]),
            Case("/exact", ["/exact"], not: ["/exact/", "/exac", "x/exact", ""]),
            Case("^/exact$", ["/exact"], not: ["/exact\n", "/exactly"]),
            Case(
                "/api/v[0-9]+/users/.*", ["/api/v1/users/", "/api/v22/users/a/b"],
                not: ["/api/v/users/", "/api/v1/users/\n"]),
            Case("a|ab", ["a", "ab"], not: ["abc", "b"]),
            Case("(?:foo|bar)+", ["foo", "foobar"], not: ["", "fooba"]),
            Case("a?b*c+", ["c", "abbcc", "bc"], not: ["ab", "aac"]),
            Case("a{2}", ["aa"], not: ["a", "aaa"]),
            Case("a{2,}", ["aa", "aaaa"], not: ["a"]),
            Case("a{2,3}?", ["aa", "aaa"], not: ["a", "aaaa"]),
            Case("a{0}b", ["b"], not: ["ab"]),
            Case("a{,2}", ["a{,2}"], not: ["a", "aa"]),
            Case("a{01}", ["a{01}"], not: ["a"]),
            Case("x*?y", ["y", "xxy"], not: ["x"]),
            Case("(a+)+", ["aaaa"], not: ["aaab"]),
            Case("(a*)*", ["", "aaa"], not: ["b"]),
            Case("a*(?i)*b", ["aaB", "b"], not: ["A"]),
        ])
    private func wholeMatch(_ example: Case) throws { try check(example) }

    @Test(
        "knows classes and escapes",
        arguments: [
            Case("\\d\\D\\s\\S\\w\\W", ["1a b_-"], not: ["aa b_-", "1a\u{b}b_-"]),
            Case("[a-c-]", ["b", "-"], not: ["d", ""]),
            Case("[]a]", ["]", "a"], not: ["[]"]),
            Case("[^]a]", ["b", "\n", "é"], not: ["]", "a"]),
            Case("[[:alpha:]_]+", ["Ab_"], not: ["1"]),
            Case("[[:^digit:]]", ["a", "é"], not: ["1"]),
            Case("[[:space:]]", ["\u{b}"], not: ["a"]),
            Case("[\\d.-]+", ["1.2-3"], not: ["a"]),
            Case("\\x41\\x{42}\\103\\0", ["ABC\0"], not: ["ABC0"]),
            Case("\\a\\f\\t\\n\\r\\v", ["\u{7}\u{c}\t\n\r\u{b}"], not: [""]),
            Case("\\Qa.b*\\E+", ["a.b*", "a.b**"], not: ["aab*", "a.b"]),
            Case("\\.\\_\\/", ["._/"], not: ["a_/"]),
            Case("\\C\\C", ["é", "ab"], not: ["a"]),
            Case("\\pN\\p{Lu}\\PL", ["1Ä-", "٣A1"], not: ["1ä-", "1ÄB"]),
            Case("\\p{Greek}+", ["Ωμέγα"], not: ["Omega"]),
            Case("\\p{^Han}", ["a"], not: ["中"]),
            Case("[\\p{Cyrillic}\\p{Nd}]+", ["Ж1"], not: ["Z"]),
            Case("\\p{Any}", ["a", "\n", "😀"], not: ["ab"]),
        ])
    private func classes(_ example: Case) throws { try check(example) }

    @Test(
        "knows flags and conditions",
        arguments: [
            Case("(?i)straße", ["STRASSE".replacing("SS", with: "ẞ"), "ſtraße"], not: ["STRASSE"]),
            Case("(?i)k", ["K", "\u{212A}"], not: ["q"]),
            Case("(?i)[k-k]\\W", ["\u{212A}-"], not: ["k\u{17F}"]),
            Case("(?i)ΣΑΣ", ["σας"], not: ["σαζ"]),
            Case("(?i)a(?-i)b", ["Ab"], not: ["aB"]),
            Case("(?i:a)b", ["Ab"], not: ["AB"]),
            Case("(a(?i)b|c)d", ["aBd", "Cd"], not: ["ABd", "CD"]),
            Case("a.b", ["axb", "aéb"], not: ["a\nb"]),
            Case("(?s)a.b", ["a\nb"], not: ["ab"]),
            Case("(?m)a$\\n^b", ["a\nb"], not: ["a b"]),
            Case("a$\\n^b", [], not: ["a\nb"]),
            Case("(?U)a+", ["aa"], not: [""]),
            Case("(?P<x>a)(?<y>b)", ["ab"], not: ["a"]),
            Case("\\bfoo\\b.*\\bbar\\B.*", ["foo bars", "foo bar bard"], not: ["food bars", "foo bar"]),
            Case("\\B", [""], not: ["a"]),
            Case("\\Aa\\z", ["a"], not: ["a\n"]),
            Case("(?:^)*a(?:$)+", ["a"], not: ["aa"]),
        ])
    private func flags(_ example: Case) throws { try check(example) }

    private func check(_ example: Case) throws {
        let pattern = try Pattern(example.pattern)
        for text in example.whole { #expect(pattern.matchesWhole(text), "\(text.debugDescription) should match") }
        for text in example.notWhole { #expect(!pattern.matchesWhole(text), "\(text.debugDescription) should not") }
    }

    @Test(
        "is found anywhere in a text",
        arguments: [
            ("b+", "abc", true), ("^b", "abc", false), ("c$", "abc", true), ("b$", "abc", false), ("", "abc", true),
            ("\\bfoo\\b", "a foo b", true), ("\\bfoo\\b", "afoo b", false), ("(?m)^b", "a\nb", true),
            ("(?m)a$", "a\nb", true), ("aab", "aaaab", true), ("x*", "", true), ("[^\\x00-\\x{10FFFF}]", "a", false),
            ("^(?:ab|cd)", "xcd", false), ("\\z", "abc", true), ("a\\b", "a", true), ("(?i)É", "café", true),
        ])
    func search(pattern: String, text: String, found: Bool) throws {
        #expect(try find(Pattern(pattern), Array(text.utf8)) == found)
    }

    @Test(
        "treats ill-formed UTF-8 as RE2 does",
        arguments: [
            (".", [0xFF], false), (".", [0xC3], false), (".", [0xC0, 0x80], false), (".", [0xE0, 0x80, 0x80], true),
            (".", [0xED, 0xA0, 0x80], true), (".", [0xF4, 0x90, 0x80, 0x80], true),
            ("[^é]", [0xE0, 0x80, 0x80], false),
            ("[^é]|é", [0xE0, 0x80, 0x80], true), ("([^é])|é", [0xE0, 0x80, 0x80], false),
            ("\\x{D800}", [0xED, 0xA0, 0x80], true), ("\\C", [0xFF], true), ("(?s).*", [0x80], false),
        ] as [(String, [UInt8], Bool)])
    func illFormed(pattern: String, text: [UInt8], matches: Bool) throws {
        #expect(try matchesWhole(Pattern(pattern), text) == matches)
    }

    @Test("is found in the middle of ill-formed bytes")
    func searchInBytes() throws {
        #expect(try find(Pattern("ab"), [0xFF, 0x61, 0x62, 0xC3]))
        #expect(try find(Pattern("\\x{80}"), [0xE2, 0xC2, 0x80]))
    }

    @Test("accepts a buffer without memory as the empty text")
    func emptyBuffer() throws {
        let scratch = PatternScratch()
        let nothing = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
        #expect(try Pattern("a*").matchesWhole(nothing, scratch))
        #expect(try Pattern("").find(nothing, scratch))
        #expect(try !Pattern("a").matchesWhole(nothing, scratch))
    }
}
