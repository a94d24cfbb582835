import Testing

@testable import ControlPlane

@Suite("JSON is read strictly")
struct JSONReadingTests {
    @Test(
        "What is written is read back",
        arguments: [
            .null, true, 0, -7, 9_223_372_036_854_775_807, .double(0.25), .double(-1.5e300), "", "a\"\\\n\u{1}é😀",
            [], [1, "x", [nil]], [:], ["a": ["b": [true, false]], "c": "d"],
        ] as [JSONValue])
    func roundTrip(_ value: JSONValue) throws {
        #expect(try JSONValue(parsing: value.text().utf8) == value)
        #expect(try JSONValue(parsing: value.text(pretty: false).utf8) == value)
    }

    @Test(
        "Escapes and blanks",
        arguments: [
            (#" "\u0041\ud83d\ude00\/\b\f" "#, "A😀/\u{8}\u{C}"), ("\t\r\n\"x\"", "x"),
        ])
    func texts(_ text: String, _ expected: String) throws {
        #expect(try JSONValue(parsing: text.utf8) == .string(expected))
    }

    @Test(
        "Anything else is refused with its place",
        arguments: [
            ("", 0), ("{", 1), ("[1,]", 3), ("{\"a\":1,}", 7), ("{a:1}", 1), ("01", 1), ("1.", 2), ("-", 1), ("1e", 2),
            ("tru", 0), ("\"a", 2), ("\"\\x\"", 3), ("\"\\ud800\"", 7), ("\"\u{1}\"", 1), ("1 2", 2), ("'a'", 0),
            (String(repeating: "[", count: 1000), 100),
        ])
    func refused(_ text: String, _ offset: Int) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text.utf8) }
        do {
            _ = try JSONValue(parsing: text.utf8)
        } catch {
            #expect(error.offset == offset, "\(text.prefix(20)): \(error)")
        }
    }

    @Test("Bytes that are no UTF-8 are refused inside a string")
    func notUTF8() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
    }
}
