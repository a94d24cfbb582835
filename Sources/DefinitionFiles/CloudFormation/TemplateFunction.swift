// A use of an intrinsic function, in either of the two ways to write it: `!Sub text` or `{ "Fn::Sub": "text" }`.

struct TemplateFunction {
    /// The long form, `Fn::Sub` or `Ref`.
    var name: String
    var argument: SourceNode
    var location: Location

    /// Nil if the node is none.
    init?(_ node: SourceNode) {
        location = node.location
        if let tag = node.tag {
            let word = tag.dropFirst()
            name = word == "Ref" || word == "Condition" ? String(word) : "Fn::\(word)"
            argument = node
            argument.tag = nil
            return
        }
        guard let entries = node.entries, entries.count == 1, let entry = entries.first,
            entry.key == "Ref" || entry.key.hasPrefix("Fn::")
        else { return nil }
        name = entry.key
        argument = entry.value
    }

    /// `!Sub` where the file has that, else `Fn::Sub`; texts always show the long form.
    static let supported = [
        "Ref", "Fn::Sub", "Fn::GetAtt", "Fn::Join", "Fn::Select", "Fn::Split", "Fn::If", "Fn::Equals", "Fn::Not",
        "Fn::And", "Fn::Or", "Fn::FindInMap", "Fn::ImportValue", "Fn::Base64",
    ]
    /// Functions of CloudFormation whose value only AWS can say, or that change the template itself.
    static let unsupported = [
        "Fn::Cidr", "Fn::GetAZs", "Fn::Transform", "Fn::Length", "Fn::ToJsonString", "Fn::ForEach",
        "Fn::GetStackOutput",
    ]
    static let conditions = ["Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or"]
}
