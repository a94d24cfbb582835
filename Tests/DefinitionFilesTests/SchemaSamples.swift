// Values made from the schema itself: for every leaf a whole definition around it, and for every constraint the values at its
// edges. A field that is added to the schema is tested without further ado.

import Definitions

@testable import DefinitionFiles

/// One place of a schema where a value stands, and how a definition is built around a value there.
struct LeafCase {
    var path: String
    var form: Form
    var around: @Sendable (DefinitionValue) -> DefinitionValue

    func within(_ prefix: String, _ wrap: @escaping @Sendable (DefinitionValue) -> DefinitionValue) -> LeafCase {
        let inner = around
        let separator = path.isEmpty || path.hasPrefix("[") || path.hasPrefix("{") ? "" : "."
        return LeafCase(path: prefix + separator + path, form: form) { wrap(inner($0)) }
    }
}

/// A value at an edge of what a form allows.
struct EdgeValue {
    var value: DefinitionValue
    var isAllowed: Bool
}

extension Form {
    /// The least that the form allows.
    var sample: DefinitionValue {
        switch self {
        case .string(let rule):
            .string(
                rule.matches == nil
                    ? String(repeating: "a", count: max(1, rule.length.lowerBound))
                    : rule.example.split(separator: "`").first.map(String.init) ?? rule.example)
        case .integer(let range): .integer(range.lowerBound == Int.min ? 7 : range.lowerBound)
        case .number(let range): .number(range.lowerBound)
        case .boolean: .boolean(true)
        case .choice(let words): .string(words[words.count - 1])
        case .list(let element, let count): .list(Array(repeating: element.sample, count: max(1, count.lowerBound)))
        case .map(let value): .object([.init("name", value.sample)])
        case .object(let fields):
            .object(fields.filter(\.isRequired).map { DefinitionValue.Member($0.key, $0.form.sample) })
        case .union(let members): .object(members.prefix(1).map { DefinitionValue.Member($0.key, $0.form.sample) })
        }
    }

    /// Every leaf, and every list, with the least around it.
    func leafCases(lists: Bool) -> [LeafCase] {
        switch self {
        case .string, .integer, .number, .boolean, .choice: return [LeafCase(path: "", form: self) { $0 }]
        case .list(let element, let count):
            let sample = element.sample
            let own = lists ? [LeafCase(path: "[]", form: self) { $0 }] : []
            return own
                + element.leafCases(lists: lists).map { leaf in
                    leaf.within("[]") { value in
                        .list([value] + Array(repeating: sample, count: max(0, count.lowerBound - 1)))
                    }
                }
        case .map(let value):
            return value.leafCases(lists: lists).map { leaf in
                leaf.within("{}") { .object([.init("name", $0)]) }
            }
        case .object(let fields):
            return fields.flatMap { field in
                field.form.leafCases(lists: lists).map { leaf in
                    leaf.within(field.key) { value in
                        .object(
                            fields.compactMap { other in
                                if other.key == field.key { return .init(field.key, value) }
                                return other.isRequired ? .init(other.key, other.form.sample) : nil
                            })
                    }
                }
            }
        case .union(let members):
            return members.flatMap { member in
                member.form.leafCases(lists: lists).map { leaf in
                    leaf.within(member.key) { .object([.init(member.key, $0)]) }
                }
            }
        }
    }

    /// Values just inside and just outside the form.
    var edges: [EdgeValue] {
        switch self {
        case .string(let rule):
            let low = rule.length.lowerBound
            let high = rule.length.upperBound
            let text = { (count: Int) in DefinitionValue.string(String(repeating: "a", count: count)) }
            var edges = [EdgeValue(value: text(low), isAllowed: true)]
            if low > 0 { edges.append(EdgeValue(value: text(low - 1), isAllowed: false)) }
            if high < Int.max {
                edges += [
                    EdgeValue(value: text(high), isAllowed: true), EdgeValue(value: text(high + 1), isAllowed: false),
                ]
            }
            return edges + [EdgeValue(value: .integer(1), isAllowed: rule.takesNumbers)]
        case .integer(let range):
            var edges = [EdgeValue(value: .string("1"), isAllowed: false)]
            for (edge, outside) in [(range.lowerBound, -1), (range.upperBound, 1)] {
                edges.append(EdgeValue(value: .integer(edge), isAllowed: true))
                let (beyond, overflow) = edge.addingReportingOverflow(outside)
                if !overflow { edges.append(EdgeValue(value: .integer(beyond), isAllowed: false)) }
            }
            return edges
        case .number(let range):
            return [
                EdgeValue(value: .number(range.lowerBound), isAllowed: true),
                EdgeValue(value: .number(range.upperBound), isAllowed: true),
                EdgeValue(value: .number(range.upperBound + 0.1), isAllowed: false),
                EdgeValue(value: .number(range.lowerBound - 0.1), isAllowed: false),
            ]
        case .boolean:
            return [
                EdgeValue(value: .boolean(true), isAllowed: true), EdgeValue(value: .boolean(false), isAllowed: true),
                EdgeValue(value: .string("true"), isAllowed: false),
            ]
        case .choice(let words):
            return words.map { EdgeValue(value: .string($0), isAllowed: true) }
                + words.map { EdgeValue(value: .string($0 + "x"), isAllowed: false) }
        case .list(let element, let count):
            let list = { (length: Int) in DefinitionValue.list(Array(repeating: element.sample, count: length)) }
            var edges = [EdgeValue(value: list(count.lowerBound), isAllowed: true)]
            if count.lowerBound > 0 { edges.append(EdgeValue(value: list(count.lowerBound - 1), isAllowed: false)) }
            if count.upperBound < 10_000 {
                edges += [
                    EdgeValue(value: list(count.upperBound), isAllowed: true),
                    EdgeValue(value: list(count.upperBound + 1), isAllowed: false),
                ]
            }
            return edges
        case .map, .object, .union: return []
        }
    }
}

/// A shape whose type does not matter: what it makes of a text, and what it writes back.
struct AnyShape: Sendable {
    var name: String
    var form: Form
    var roundTrip: @Sendable (String) -> (value: DefinitionValue?, diagnostics: [Diagnostic])

    init<Value: Sendable>(_ name: String, _ shape: Shape<Value>) {
        self.name = name
        form = shape.form
        roundTrip = { text in
            let read = JSONReader.read(Array(text.utf8), variables: Variables())
            guard let root = read.documents.first?.root else { return (nil, []) }
            var reader = Reader(file: "test.json", resource: .mesh("colors"))
            let value = shape.read(root, &reader)
            return (value.map(shape.write), reader.diagnostics)
        }
    }

    static let appMesh = [
        AnyShape("MeshSpec", AppMeshSchema.meshSpec), AnyShape("VirtualServiceSpec", AppMeshSchema.virtualServiceSpec),
        AnyShape("VirtualRouterSpec", AppMeshSchema.virtualRouterSpec), AnyShape("RouteSpec", AppMeshSchema.routeSpec),
        AnyShape("VirtualNodeSpec", AppMeshSchema.virtualNodeSpec),
        AnyShape("VirtualGatewaySpec", AppMeshSchema.virtualGatewaySpec),
        AnyShape("GatewayRouteSpec", AppMeshSchema.gatewayRouteSpec),
    ]

    static let others = [
        AnyShape("service network", LatticeSchema.serviceNetwork), AnyShape("service", LatticeSchema.service),
        AnyShape("listener", LatticeSchema.listener), AnyShape("rule", LatticeSchema.rule),
        AnyShape("target group", LatticeSchema.targetGroup), AnyShape("certificate", LocalSchema.certificate),
        AnyShape("gateway placement", LocalSchema.gateway), AnyShape("vpc", LocalSchema.vpc),
        AnyShape("target group placement", LocalSchema.targetGroup), AnyShape("import", ImportEntry.shape),
    ]
}
