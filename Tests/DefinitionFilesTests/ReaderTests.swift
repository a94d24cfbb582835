// The pieces below the formats: JSON, YAML, placeholders, suggestions, notations.

import Definitions
import Testing

@testable import DefinitionFiles

@Suite struct ReaderTests {
    private func json(_ text: String, _ variables: [String: String] = [:]) -> SourceText {
        JSONReader.read(Array(text.utf8), variables: Variables(values: variables))
    }

    private func yaml(_ text: String, _ variables: [String: String] = [:]) -> SourceText {
        YAMLReader.read(Array(text.utf8), variables: Variables(values: variables))
    }

    @Test(arguments: [
        #""a\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00""#, "0", "-0", "10", "1.5", "1e5", "1E-5", "[]", "{}", "[1,2]",
        "[[]]", "true", "false", "null", " { \"a\" : [ 1 , { } ] } ",
    ])
    func `accepts what RFC 8259 accepts`(text: String) {
        #expect(json(text).failure == nil)
    }

    @Test(arguments: [
        "01", "-", "+1", ".5", "1.", "1e", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "'a'",
        "\"\t\"",
        "\"\\u12\"", "\"\\u12g4\"", "\"\\ude00\"", "\"\\ud83d\\u0041\"", "nul", "True", "[1 2]", "1 2", "[", "\"a",
        "//",
        "[1}", "{\"a\":1]", "\u{B}1", "NaN",
    ])
    func `refuses what RFC 8259 refuses`(text: String) {
        #expect(json(text).failure?.code == "syntax")
    }

    @Test func `resolves JSON escapes`() {
        let text = json(#""\"\\\/\b\f\n\r\t\u0041\ud83d\ude00é""#).documents.first?.root.text
        #expect(text == "\"\\/\u{8}\u{C}\n\r\tA😀é")
    }

    @Test func `counts columns of JSON in characters`() {
        #expect(json("{ \"é😀\": x }").failure?.location == Location(line: 1, column: 9))
        #expect(json("{\r\n\t\"a\": x }").failure?.location == Location(line: 2, column: 7))
    }

    @Test func `limits the depth of both languages`() {
        let deep = { String(repeating: "[", count: $0) + String(repeating: "]", count: $0) }
        #expect(json(deep(100)).failure == nil)
        #expect(json(deep(101)).failure?.code == "too-deep")
        #expect(yaml(deep(100)).failure == nil)
        #expect(yaml(deep(101)).failure?.code == "too-deep")
        #expect(json(deep(100_000)).failure?.code == "too-deep")
    }

    @Test func `expands aliases up to ten thousand nodes`() {
        let base = "a: &a [" + Array(repeating: "x", count: 99).joined(separator: ",") + "]\n"
        let use = { (count: Int) in "b: [" + Array(repeating: "*a", count: count).joined(separator: ",") + "]\n" }
        #expect(yaml(base + use(100)).failure == nil)
        #expect(yaml(base + use(101)).failure?.code == "too-many-aliases")
    }

    @Test func `merges keys that the map does not have itself`() {
        let text = yaml("a: &a { x: 1, y: 2 }\nb: { <<: *a, y: 3 }\nc: { <<: [*a, { z: 4 }] }\nd: { <<: 5 }\n")
        let root = text.documents.first?.root
        #expect(root?["b"]?["x"]?.text == "1")
        #expect(root?["b"]?["y"]?.text == "3")
        #expect(root?["c"]?.entries?.map(\.key) == ["x", "y", "z"])
        #expect(text.documents.first?.problems.map(\.code) == ["bad-merge"])
    }

    @Test(arguments: [
        ("$A", "one"), ("${A}", "one"), ("x$A.y", "xone.y"), ("$A$A", "oneone"), ("$$A", "$A"), ("$${A}", "${A}"),
        ("^/a$", "^/a$"), ("$ 5", "$ 5"), ("$5", "$5"), ("$lower", "two"), ("$other", "$other"), ("a$$", "a$$"),
        ("${", "${"),
    ])
    func `fills in placeholders and leaves other dollar signs alone`(source: String, text: String) {
        let variables = ["A": "one", "lower": "two"]
        let quoted = "\"" + source + "\""
        #expect(json(quoted, variables).documents.first?.root.text == text)
        #expect(yaml(quoted, variables).documents.first?.root.text == text)
        #expect(json(quoted, variables).documents.first?.problems.isEmpty == true)
    }

    @Test func `takes unquoted placeholders of JSON as values`() {
        let root = json(
            #"{ "a": $A, "b": ${B}, "c": $C, "d": [$D] }"#,
            ["A": "text", "B": "80", "C": #"[1, {"x": "y"}]"#, "D": #""quoted""#]
        ).documents.first?.root
        #expect(root?["a"]?.text == "text")
        #expect(root?["b"]?.text == "80")
        guard case .sequence(let list) = root?["c"]?.content else {
            Issue.record("no list")
            return
        }
        #expect(list.last?["x"]?.text == "y")
    }

    @Test func `keeps the places of the file around placeholders`() {
        let root = yaml("a: $LONG\n$KEY: { c: ${NOTHING}x, d: e }\nf: g\n", ["LONG": "1\n2: 3", "KEY": "b"])
        let document = root.documents.first
        #expect(document?.root["b"]?["d"]?.location == Location(line: 2, column: 28))
        #expect(document?.root["f"]?.location == Location(line: 3, column: 4))
        #expect(document?.root["2"]?.location == Location(line: 1, column: 4))
        #expect(document?.problems.map(\.location) == [Location(line: 2, column: 12)])
        #expect(document?.root["b"]?["c"]?.isUnresolved == true)
    }

    @Test(arguments: ["\n", "\r", "\r\n", "\u{85}", "\u{2028}"])
    func `counts lines behind a placeholder as it does without one`(lineBreak: String) {
        let filled = yaml("a: \"é$A\"\(lineBreak)b: é\(lineBreak)cé: [é, d]", ["A": "x\\ny"]).documents.first?.root
        let plain = yaml("a: \"é$1\"\(lineBreak)b: é\(lineBreak)cé: [é, d]").documents.first?.root
        #expect(filled?.entries?.map(\.keyLocation) == plain?.entries?.map(\.keyLocation))
        #expect(filled?.entries?.last?.keyLocation == Location(line: 3, column: 1))
        #expect(filled?["cé"]?.location == Location(line: 3, column: 5))
    }

    @Test func `places the nodes of one long line in time that grows with its length`() {
        let time = { (count: Int) in
            let line = "{ a: $A, " + (0..<count).map { "n\($0): {}" }.joined(separator: ", ") + " }"
            return ThreadTime.measured {
                let last = self.yaml(line, ["A": "xyz"]).documents.first?.root.entries?.last
                #expect(last?.keyLocation.column == line.utf8.count - "n\(count - 1): {} }".utf8.count + 1)
            }
        }
        _ = time(100)
        // Eight times the nodes: a walk along the line for each of them would take 64 times as long.
        #expect(time(8_000) < time(1_000) * 32)
    }

    @Test(arguments: [
        ("weigth", "weight"), ("Weight", "weight"), ("wieght", "weight"), ("weights", "weight"),
        ("port_mapping", "portMapping"),
        ("portmapping", "portMapping"), ("wght", "weight"),
    ])
    func `suggests the nearest word`(word: String, nearest: String) {
        #expect(Suggestion.nearest(to: word, among: ["virtualNode", "weight", "portMapping"]) == nearest)
    }

    @Test(arguments: ["color", "", "w", "nodeVirtual"])
    func `suggests nothing that is far away`(word: String) {
        #expect(Suggestion.nearest(to: word, among: ["virtualNode", "weight", "portMapping"]) == nil)
    }

    @Test func `suggests the same whatever the order of the words`() {
        let words = ["blue-b", "blue-a", "blue-c"]
        #expect(Suggestion.nearest(to: "blue-x", among: words) == "blue-a")
        #expect(Suggestion.nearest(to: "blue-x", among: words.reversed()) == "blue-a")
        #expect(Suggestion.question(for: "wieght", among: ["weight"]) == "did you mean `weight`?")
    }

    @Test func `compares no more words than the budget of suggestions has`() {
        var budget = SuggestionBudget(comparisons: 5)
        #expect(budget.question(for: "wieght", among: ["weight", "a", "b"]) != nil)
        #expect(!budget.isSpent)
        #expect(budget.question(for: "wieght", among: ["weight", "a", "b"]) == nil)
        #expect(budget.isSpent)
        #expect(budget.question(for: "wieght", among: ["weight"]) == nil)
    }

    @Test func `does not compare words that nobody types`() {
        let long = String(repeating: "a", count: 100)
        #expect(Suggestion.nearest(to: long, among: [long + "b", long]) == long)
        #expect(Suggestion.nearest(to: long + "b", among: [long + "b"]) == nil)
        #expect(Suggestion.nearest(to: String(repeating: "-", count: 1_000_000), among: [long, ""]) == nil)
    }

    @Test(arguments: [
        ("200ms", 200_000), ("1.5s", 1_500_000), ("2m", 120_000_000), ("7us", 7), ("0s", 0), ("1440m", 86_400_000_000),
        ("0.000001s", 1),
    ])
    func `reads and writes times`(text: String, microseconds: Int) {
        #expect(DurationText.duration(text) == .microseconds(microseconds))
        #expect(DurationText.duration(DurationText.text(.microseconds(microseconds))) == .microseconds(microseconds))
    }

    @Test(arguments: [
        "", "5", "ms", "-1s", "1.s", ".5s", "1,5s", "1 s", "1h", "1.5us", "1441m", "99999999999999999999s", "1.2.3s",
        "1e3s",
        "0.0000000001s", "9223372036854775807m",
    ])
    func `refuses other times`(text: String) {
        #expect(DurationText.duration(text) == nil)
    }

    @Test(arguments: ["127.0.0.1:1", "[::1]:65535", "[fe80::1]:80", "unix:/run/a.sock", "unix:a"])
    func `reads addresses as they are written`(text: String) {
        #expect(AddressText.network(text)?.description == text)
    }

    @Test(arguments: [
        "", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:080", "127.1:80", "localhost:80", "::1:80",
        "[::1]",
        "[127.0.0.1]:80", "unix:", "127.0.0.1\0x:80", "127.0.0.1:-1", "unix:" + String(repeating: "a", count: 108),
    ])
    func `refuses other addresses`(text: String) {
        #expect(AddressText.network(text) == nil)
    }

    @Test func `writes JSON in one form`() {
        let value = DefinitionValue.object([
            .init("a", .list([.integer(1), .boolean(true), .number(0.5)])), .init("b", .string("\"\\\n\u{1}é")),
            .init("c", .list([])), .init("d", .object([])),
        ])
        #expect(value.json() == #"{"a":[1,true,0.5],"b":"\"\\\n\u0001é","c":[],"d":{}}"#)
        #expect(value.json(indented: true).hasPrefix("{\n  \"a\": [\n    1,\n    true,"))
        #expect(json(value.json(indented: true)).failure == nil)
    }

    @Test(arguments: ["200", "499", "200,202", "200-299", "200-200", "200-204,301,400-499"])
    func `reads lists and ranges of statuses`(text: String) {
        #expect(StatusList.isValid(text))
    }

    @Test(arguments: [
        "", ",", "--,9", "-", "200,", ",200", "200,,201", "200-", "-200", "200-201-202", "299-200", "199", "500",
        "0200",
        "200-500", "100-299", "2xx", "200 ,201", "20", "99999999999999999999",
    ])
    func `refuses other lists of statuses`(text: String) {
        #expect(!StatusList.isValid(text))
    }

    @Test(arguments: [
        "a", "shop.example.com", "Shop.Example.COM", "*.example.com", "xn--bcher-kva.example", "a-b.c_d", "127.0.0.1",
        String(repeating: "a", count: 63) + ".b",
    ])
    func `takes host names with or without a wildcard in front`(text: String) {
        #expect(Names.isDomainName(text))
    }

    @Test(arguments: [
        "", "*", ".", "*.", "a.", ".a", "a..b", "*.*.b", "a.*.b", "*a.b", "**.b", "a b", "a/b", "a:80", "-a.b", "a-.b",
        "bücher.example", "a\n.b", String(repeating: "a", count: 64) + ".b",
    ])
    func `refuses what is no host name`(text: String) {
        #expect(!Names.isDomainName(text))
    }
}
