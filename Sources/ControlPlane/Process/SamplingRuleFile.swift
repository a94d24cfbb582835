// Files of X-Ray's local sampling rules (AWS X-Ray SDK, "Sampling rules"), of version 2 as Envoy's tracer takes them:
//
//     { "version": 2, "default": { "fixed_target": 1, "rate": 0.05 },
//       "rules": [ { "host": "*", "http_method": "GET", "url_path": "/ready", "fixed_target": 0, "rate": 0 } ] }
//
// A file with anything else in it is refused: rules that are half understood sample what nobody asked for.

import Telemetry

public enum SamplingRuleFile {
    public struct Invalid: Error, Sendable, Equatable, CustomStringConvertible {
        public var description: String
    }

    private static let fixedTargetMax = 1_000_000
    private static let rulesMax = 1_000

    public static func read(_ path: String) throws(Invalid) -> SamplingRules {
        guard let text = SystemFile.text(path) else { throw Invalid(description: "\(path) cannot be read") }
        do throws(Invalid) {
            return try parse(text)
        } catch {
            throw Invalid(description: "\(path): \(error)")
        }
    }

    static func parse(_ text: String) throws(Invalid) -> SamplingRules {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: text.utf8)
        } catch {
            throw Invalid(description: "not JSON: \(error)")
        }
        try expect(document, "the document", only: ["version", "default", "rules"])
        guard document["version"]?.int == 2 else { throw Invalid(description: "version must be 2") }
        guard let standard = document["default"] else { throw Invalid(description: "there is no default rule") }
        try expect(standard, "default", only: ["fixed_target", "rate"])
        let list: [JSONValue]
        switch document["rules"] {
        case nil, .null: list = []
        case .array(let elements): list = elements
        default: throw Invalid(description: "rules must be a list")
        }
        guard list.count <= rulesMax else { throw Invalid(description: "more than \(rulesMax) rules") }
        var rules: [SamplingRule] = []
        for (index, value) in list.enumerated() {
            let place = "rules[\(index)]"
            try expect(
                value, place, only: ["description", "host", "http_method", "url_path", "fixed_target", "rate"])
            var rule = try numbers(value, place)
            rule.host = try pattern(value, "host", place)
            rule.method = try pattern(value, "http_method", place)
            rule.path = try pattern(value, "url_path", place)
            rules.append(rule)
        }
        return SamplingRules(rules: rules, standard: try numbers(standard, "default"))
    }

    private static func expect(_ value: JSONValue, _ place: String, only keys: [String]) throws(Invalid) {
        guard case .object(let members) = value else { throw Invalid(description: "\(place) must be an object") }
        if let stranger = members.first(where: { !keys.contains($0.key) }) {
            throw Invalid(
                description: "\(place): unknown key '\(stranger.key)'; known: \(keys.joined(separator: ", "))")
        }
    }

    private static func numbers(_ value: JSONValue, _ place: String) throws(Invalid) -> SamplingRule {
        guard let target = value["fixed_target"]?.int, (0...fixedTargetMax).contains(target) else {
            throw Invalid(description: "\(place).fixed_target must be a whole number from 0 to \(fixedTargetMax)")
        }
        guard let rate = value["rate"]?.double, (0...1).contains(rate) else {
            throw Invalid(description: "\(place).rate must be a number from 0 to 1")
        }
        return SamplingRule(fixedTarget: target, rate: rate)
    }

    private static func pattern(_ value: JSONValue, _ key: String, _ place: String) throws(Invalid) -> String {
        switch value[key] {
        case nil: return "*"
        case .string(let text) where text.utf8.count <= 1_024: return text
        default: throw Invalid(description: "\(place).\(key) must be a text of at most 1024 bytes")
        }
    }
}
