/// How a pattern begins: what a whole match can check without the automaton.
///
/// A whole match starts at the beginning of the text, so `^` and `\A` at the front hold anyway, and literals that
/// follow them can be compared byte for byte. `/api/v[0-9]+` turns most paths away at the first few bytes.
struct Opening {
    /// Encoded literals at the front.
    private(set) var prefix: [UInt8] = []
    /// The parts the prefix stands for, anchors included; a search needs them.
    private(set) var skipped: ArraySlice<Node>
    /// The parts after the prefix.
    private(set) var rest: ArraySlice<Node>
    /// Nothing but anchors at the end of the text follows the prefix.
    let isLiteral: Bool

    init(_ tree: Node) {
        let parts = Self.parts(tree)
        var index = 0
        while index < parts.count, Self.isLook(parts[index], among: [.beginText, .beginLine]) { index += 1 }
        while index < parts.count, case .scalar(let scalar) = parts[index] {
            prefix += ProgramBuilder.encoding(scalar)
            index += 1
        }
        skipped = parts[..<index]
        rest = parts[index...]
        isLiteral = rest.allSatisfy { Self.isLook($0, among: [.endText, .endLine]) }
    }

    private static func isLook(_ node: Node, among looks: Look) -> Bool {
        if case .look(let look) = node { looks.contains(look) } else { false }
    }

    private static func parts(_ node: Node) -> [Node] {
        switch node {
        case .empty: []
        case .concatenation(let nodes): nodes.flatMap(parts)
        default: [node]
        }
    }
}
