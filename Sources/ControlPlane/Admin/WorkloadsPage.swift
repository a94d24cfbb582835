// `/v1/workloads`: the built-in workloads and their settings. `PUT` takes an object of workloads (`blue`, `colors/blue`,
// `colors/blue#0`), each an object of settings in the notation of the `x-trellis-…` headers; null takes a setting, or a whole
// workload, back to its definition.

import DataPlane

enum WorkloadsPage {
    static func answer(_ context: AdminContext, _ request: AdminRequest) -> AdminAnswer {
        if request.isReading { return .json(json(context)) }
        do {
            try context.workloads.change(try changes(request.body))
            return .json(json(context))
        } catch let error as JSONError {
            return .problem("the body is not JSON: \(error)", status: 400)
        } catch {
            return .problem("\(error)", status: 400)
        }
    }

    private static func changes(_ body: [UInt8]) throws -> [(name: String, settings: [String: String?]?)] {
        guard case .object(let workloads) = try JSONValue(parsing: body) else {
            throw Workload.ChangeError(description: "expected an object such as {\"blue\": {\"fail\": \"30%\"}}")
        }
        return try workloads.map { workload in
            switch workload.value {
            case .null: return (workload.key, nil)
            case .object(let settings):
                var values: [String: String?] = [:]
                for setting in settings {
                    guard Workload.settingNames.contains(setting.key) else {
                        let names = Workload.settingNames.joined(separator: ", ")
                        throw Workload.ChangeError(description: "`\(setting.key)` is no setting; settings are \(names)")
                    }
                    values[setting.key] = .some(try notation(setting))
                }
                return (workload.key, values)
            default:
                throw Workload.ChangeError(description: "the settings of `\(workload.key)` must be an object or null")
            }
        }
    }

    private static func notation(_ setting: JSONValue.Member) throws -> String? {
        switch setting.value {
        case .null: return nil
        case .string(let text): return text
        case .int(let number): return "\(number)"
        case .double(let number): return "\(number)"
        case .array(let calls) where setting.key == "calls":
            let urls = calls.compactMap(\.text)
            return urls.isEmpty ? "none" : urls.joined(separator: " ")
        default:
            throw Workload.ChangeError(description: "the value of `\(setting.key)` must be a text or a number")
        }
    }

    private static func json(_ context: AdminContext) -> JSONValue {
        let shown = context.workloads.all.filter { context.proxy == nil || $0.name == context.proxy }
        return [
            "workloads": .array(
                shown.map { workload in
                    [
                        "name": .string(workload.name), "settings": workload.settings.json,
                        "changed": .object(
                            workload.changes.sorted { $0.key < $1.key }.map {
                                .init(key: $0.key, value: .string($0.value))
                            }),
                    ]
                })
        ]
    }
}

extension Workload.Settings {
    /// In the notation that `PUT` takes.
    fileprivate var json: JSONValue {
        var members: [JSONValue.Member] = [.init(key: "name", value: .string(name))]
        switch body {
        case .text(let text): members.append(.init(key: "body", value: .string(text)))
        case .bytes(let count): members.append(.init(key: "bytes", value: .int(count)))
        }
        let slow: JSONValue =
            switch slowBody {
            case nil: "none"
            case .bytesPerSecond(let rate): .string("\(rate)")
            case .chunkDelay(let pause): .string(pause.secondsText)
            case .chunks(let bytes, let pause): .string("\(bytes)/\(pause.secondsText)")
            }
        let reset: JSONValue =
            switch self.reset {
            case nil: "none"
            case .beforeHead: "before-head"
            case .afterHead: "after-head"
            }
        members += [
            .init(key: "delay", value: .string(delay.secondsText)),
            .init(key: "jitter", value: .string(jitter.secondsText)),
            .init(key: "fail", value: .double(failShare)), .init(key: "fail-status", value: .int(failStatus)),
            .init(key: "reset", value: reset), .init(key: "slow", value: slow),
            .init(key: "calls", value: calls.isEmpty ? "none" : .strings(calls)),
        ]
        return .object(members)
    }
}
