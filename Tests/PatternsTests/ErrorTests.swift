import Testing

@testable import Patterns

@Suite("A refused pattern says")
struct ErrorTests {
    @Test(
        "where it is wrong and what to write",
        arguments: [
            ("a(b", 1, "a ')' is missing"),
            ("ab)", 2, "unexpected ')'"),
            ("é(", 2, "a ')' is missing"),
            ("x[a-", 1, "a ']' is missing"),
            ("[]", 0, "a ']' is missing"),
            ("[z-a]", 1, "ends before it begins"),
            ("a[[:foo:]]", 2, "[:alnum:]"),
            ("[a-\\d]", 3, "invalid escape '\\d'"),
            ("*a", 0, "nothing to repeat"),
            ("a|*", 2, "nothing to repeat"),
            ("(?i)+", 4, "nothing to repeat"),
            ("a**", 1, "stacks repetition"),
            ("a{2}{3}", 1, "stacks repetition"),
            ("a++", 1, "possessive"),
            ("a{1001}", 1, "counts go up to 1000"),
            ("a{3,2}", 1, "wrong order"),
            ("(?:a{100}){11}", 10, "multiply to more than 1000"),
            ("\\", 0, "trailing backslash"),
            ("ab\\1", 2, "backreferences"),
            ("(a)\\k<n>", 3, "backreferences"),
            ("\\8", 0, "backreferences"),
            ("a\\Z", 1, "use \\z"),
            ("\\e", 0, "\\x1B"),
            ("\\u0041", 0, "\\x{20AC}"),
            ("\\y", 0, "supported are"),
            ("\\é", 0, "invalid escape '\\é'"),
            ("\\x{110000}", 0, "\\x{10FFFF}"),
            ("\\x4", 0, "two digits"),
            ("\\x{}", 0, "hexadecimal"),
            ("\\p{Foo}", 0, "unknown Unicode class 'Foo'"),
            ("\\pX", 0, "unknown Unicode class 'X'"),
            ("\\p{Lu", 0, "a '}' is missing"),
            ("\\p", 0, "needs a name"),
            ("\\p{Cn}", 0, "unknown Unicode class"),
            ("a(?=b)", 1, "look-ahead"),
            ("a(?!b)", 1, "look-ahead"),
            ("(?<=a)b", 0, "look-behind"),
            ("(?<!a)b", 0, "look-behind"),
            ("(?P<n>a)(?P=n)", 8, "backreferences"),
            ("(?>a)", 0, "atomic"),
            ("(?#a)", 0, "comments"),
            ("(?x)a", 0, "unknown group '(?x'"),
            ("(?i-)a", 0, "unknown group"),
            ("(?i", 0, "a ')' is missing"),
            ("(?P<n", 0, "a '>' is missing"),
            ("(?P<>a)", 0, "empty"),
            ("(?<a-b>c)", 4, "letters, digits"),
        ])
    func message(pattern: String, offset: Int, part: String) {
        #expect {
            _ = try Pattern(pattern)
        } throws: { error in
            guard let error = error as? PatternError else { return false }
            return error.offset == offset && error.message.contains(part)
        }
    }

    @Test("that it is over a limit, and is accepted just below")
    func limits() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "(", count: depth) + "a" + String(repeating: ")", count: depth)
        }
        #expect(try Pattern(nested(PatternLimits.nesting)).matchesWhole("a"))
        #expect(throws: PatternError.self) { try Pattern(nested(PatternLimits.nesting + 1)) }
        #expect(throws: PatternError.self) { try Pattern(nested(50_000)) }

        func stacked(_ depth: Int) -> String { "a" + String(repeating: "*(?i)", count: depth) }
        #expect(try Pattern(stacked(PatternLimits.nesting)).matchesWhole("aa"))
        #expect(throws: PatternError.self) { try Pattern(stacked(PatternLimits.nesting + 1)) }
        #expect(throws: PatternError.self) { try Pattern(stacked(10_000)) }

        // The deepest tree there can be, with a branch, a concatenation and a repetition per level.
        let depth = PatternLimits.nesting
        let deep = try Pattern(
            String(repeating: "(x|b(", count: depth / 2) + "a" + String(repeating: ")+)*", count: depth / 2))
        #expect(deep.matchesWhole("x" + String(repeating: "b", count: depth / 2) + "a"))

        let large = try Pattern(".{1000}")
        #expect(large.matchesWhole(String(repeating: "é", count: 1_000)))
        #expect(!large.matchesWhole(String(repeating: "é", count: 999)))
        let error = #expect(throws: PatternError.self) { try Pattern(".{1000}.{1000}") }
        #expect(error?.message.contains("10000 instructions") == true)
        #expect(throws: PatternError.self) { try Pattern(String(repeating: "a", count: PatternLimits.instructions)) }
        #expect(throws: PatternError.self) { try Pattern(String(repeating: "(?i)", count: 20_000)) }
    }

    @Test("it in one line")
    func description() {
        let error = #expect(throws: PatternError.self) { try Pattern("a**") }
        #expect(error.map(String.init(describing:))?.hasSuffix("(at byte 1)") == true)
    }
}
