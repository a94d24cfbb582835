import Definitions
import Foundation
import Testing

@testable import DefinitionFiles

@Suite struct SchemaTests {
    /// Codes that mean that one field by itself is wrong.
    static let fieldCodes: Set<String> = [
        "unknown-key", "wrong-type", "missing-value", "bad-length", "out-of-range", "unknown-value", "bad-count",
    ]

    @Test func `has exactly the leaves of the App Mesh model`() throws {
        let leaves = AnyShape.appMesh.flatMap { shape in shape.form.leafPaths().map { "\(shape.name) \($0)" } }
        #expect(leaves.count == 262)
        let expected = try String(contentsOfFile: GoldenTests.folder + "/leaf-paths.txt", encoding: .utf8)
        #expect(leaves.sorted() == expected.split(separator: "\n").map(String.init))
    }

    @Test(.reference) func `agrees with the reference beside the checkout in every constraint`() throws {
        let tree = try #require(Corpus.reference("appmesh-model-tree.txt"))
        let reference = ModelTree(tree)
        let leaves = AnyShape.appMesh.flatMap { shape in
            shape.form.leafCases(lists: false).map { ("\(shape.name) \($0.path)", $0.form) }
        }
        #expect(Set(leaves.map(\.0)) == Set(reference.leaves.keys))
        for (path, form) in leaves {
            #expect(ModelTree.constraint(of: form) == reference.leaves[path], "\(path)")
        }
        for shape in AnyShape.appMesh {
            #expect(
                Set(ModelTree.requiredPaths(of: shape.form).map { "\(shape.name) \($0)" })
                    == reference.required.filter { $0.hasPrefix("\(shape.name) ") })
        }
    }

    @Test(arguments: AnyShape.appMesh + AnyShape.others)
    func `writes back every field as it was read`(shape: AnyShape) {
        for leaf in shape.form.leafCases(lists: false) {
            let value = leaf.around(leaf.form.sample)
            let (written, diagnostics) = shape.roundTrip(value.json())
            #expect(written == value, "\(shape.name) \(leaf.path)")
            #expect(diagnostics.filter { Self.fieldCodes.contains($0.code) || $0.code == "bad-format" } == [])
        }
    }

    @Test(arguments: AnyShape.appMesh + AnyShape.others)
    func `accepts the edges of every constraint and nothing beyond`(shape: AnyShape) {
        for leaf in shape.form.leafCases(lists: true) {
            for edge in leaf.form.edges {
                let text = leaf.around(edge.value).json()
                let found = shape.roundTrip(text).diagnostics.filter { Self.fieldCodes.contains($0.code) }
                let isWord = if case .string(let rule) = leaf.form { !rule.words.isEmpty } else { false }
                let relevant = found.filter { !(isWord && $0.code == "unknown-value") }
                #expect(
                    relevant.isEmpty == edge.isAllowed, "\(shape.name) \(leaf.path): \(edge.value.json().prefix(80))")
            }
        }
    }

    @Test(arguments: AnyShape.appMesh + AnyShape.others)
    func `reports a key it does not know in every object`(shape: AnyShape) {
        for leaf in shape.form.leafCases(lists: false) {
            guard case .object(let members) = leaf.around(leaf.form.sample) else { continue }
            let text = DefinitionValue.object(members + [.init("zzzzzzzzzzzz", .boolean(true))]).json()
            #expect(shape.roundTrip(text).diagnostics.contains { $0.code == "unknown-key" })
        }
    }
}

extension AnyShape: CustomTestStringConvertible {
    var testDescription: String { name }
}

/// The reference's tree of shapes, reduced to what the schema says too.
struct ModelTree {
    /// Leaf paths with their constraint in words.
    var leaves: [String: String] = [:]
    /// Paths of required members.
    var required: Set<String> = []

    init(_ text: String) {
        var root = ""
        var stack: [String] = []
        for line in text.split(separator: "\n") {
            if line.hasPrefix("## ") {
                root = String(line.dropFirst(3))
                continue
            }
            let indentation = line.prefix { $0 == " " }.count
            guard indentation > 0, let colon = line.firstIndex(of: ":") else { continue }
            let name = line[..<colon].dropFirst(indentation)
            let rest = String(line[line.index(after: colon)...].dropFirst())
            let isList = rest.hasPrefix("list<")
            stack = Array(stack.prefix(indentation / 2 - 1))
            let key = name.hasSuffix("*") ? String(name.dropLast()) : String(name)
            if name.hasSuffix("*") { required.insert("\(root) " + (stack + [key]).joined(separator: ".")) }
            stack.append(isList ? key + "[]" : key)
            let isLeaf =
                !rest.hasPrefix("{") && (!isList || rest.hasPrefix("list<string>") || rest.hasPrefix("list<integer>"))
            if isLeaf { leaves["\(root) " + stack.joined(separator: ".")] = Self.constraint(rest) }
        }
    }

    private static func constraint(_ text: String) -> String {
        let element = text.components(separatedBy: "elem:").last ?? text
        let isList = text.hasPrefix("list<")
        let own = isList ? (text.contains("elem:") ? element : "") : text
        if own.contains("enum=") {
            let words = own.components(separatedBy: "'").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
            return "one of " + words.joined(separator: " ")
        }
        if text.hasPrefix("boolean") { return "boolean" }
        let low = number(after: "min=", in: own)
        let high = number(after: "max=", in: own)
        if text.hasPrefix("string") || text.hasPrefix("list<string>") {
            return "text \(low ?? 0) \(high.map(String.init) ?? "-")"
        }
        return "integer \(low.map(String.init) ?? "-") \(high.map(String.init) ?? "-")"
    }

    private static func number(after key: String, in text: String) -> Int? {
        guard let range = text.range(of: key) else { return nil }
        return Int(text[range.upperBound...].prefix { $0.isNumber })
    }

    static func constraint(of form: Form) -> String {
        switch form {
        case .string(let rule):
            "text \(rule.length.lowerBound) \(rule.length.upperBound == Int.max ? "-" : String(rule.length.upperBound))"
        case .integer(let range):
            "integer \(range.lowerBound == Int.min ? "-" : String(range.lowerBound)) "
                + (range.upperBound == Int.max ? "-" : String(range.upperBound))
        case .boolean: "boolean"
        case .choice(let words): "one of " + words.joined(separator: " ")
        case .number, .list, .map, .object, .union: "no leaf"
        }
    }

    static func requiredPaths(of form: Form, _ path: String = "") -> [String] {
        switch form {
        case .list(let element, _): requiredPaths(of: element, path + "[]")
        case .object(let fields), .union(let fields):
            fields.flatMap { field in
                let own = path.isEmpty ? field.key : "\(path).\(field.key)"
                return (field.isRequired ? [own] : []) + requiredPaths(of: field.form, own)
            }
        case .string, .integer, .number, .boolean, .choice, .map: []
        }
    }
}
