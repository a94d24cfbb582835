// The App Mesh part of the schema: a table of fields for each shape of the API model, in the files beside this one. What the
// tables cannot say in a row, because it concerns several fields, is in `Rules`.

enum AppMeshSchema {}

extension Shape where Value == String {
    /// A text that starts with `/`. The reference: `appmesh` 1.4, rule 4.
    static func pathStart(_ length: ClosedRange<Int> = 0...Int.max) -> Shape {
        .string(
            length, meaning: "a path that starts with `/`", example: "`/`",
            correction: { text in
                text.utf8.allSatisfy { Names.isLabelByte($0) || $0 == 0x2E } ? "/\(text)" : nil
            }
        ) {
            $0.hasPrefix("/")
        }
    }

    /// `^[a-zA-Z0-9!-~]+$`
    static var cloudMapKey: Shape {
        .string(1...255, meaning: "printable ASCII without spaces", example: "`ECS_TASK_SET_EXTERNAL_ID`") { text in
            text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        }
    }

    /// `^([a-zA-Z0-9!-~][ \ta-zA-Z0-9!-~]*){0,1}[a-zA-Z0-9!-~]{0,1}$`
    static var cloudMapValue: Shape {
        .string(1...1024, meaning: "printable ASCII that does not start with a space", example: "`blue`") { text in
            text.utf8.first != 0x20 && text.utf8.first != 0x09
                && text.utf8.allSatisfy { (0x20...0x7E).contains($0) || $0 == 0x09 }
        }
    }

    /// The model has any text of 1 to 25 characters; the API knows these four.
    static var httpRetryEvent: Shape {
        .word(1...25, ["server-error", "gateway-error", "client-error", "stream-error"])
    }

    /// An FQDN (a wildcard label may lead it) or a URI. The reference: `appmesh` 1.4, rule 9.
    static var subjectName: Shape {
        .string(1...254, meaning: "a domain name or a URI", example: "`blue.colors.local`") { text in
            guard text.contains("://") else { return Names.isDomainName(text) }
            return text.utf8.allSatisfy { (0x21...0x7E).contains($0) } && !text.hasPrefix("://")
                && !text.hasSuffix("://")
        }
    }
}
