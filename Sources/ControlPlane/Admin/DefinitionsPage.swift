// `/v1/definitions`, `/v1/explain`, `/v1/tap`: Trellis's own paths that take parameters or a body.

import DataPlane
import DefinitionFiles

enum DefinitionsPage {
    static func reply(_ context: AdminContext, _ request: AdminRequest) -> AdminCommand.Reply {
        if request.isReading { return .now(read(context, request)) }
        guard let text = String(validating: request.body, as: UTF8.self) else {
            return .now(.problem("the body is not UTF-8", status: 400))
        }
        guard !text.isEmpty else {
            return .now(.problem("the body is empty; to own nothing, put a comment alone: '# nothing'", status: 400))
        }
        var expected: UInt64?
        if let tag = request.ifMatch, tag != "*" {
            guard let generation = UInt64(tag.drop { $0 == "\"" }.prefix { $0 != "\"" }) else {
                return .now(.problem("If-Match is no generation: \(tag)", status: 400))
            }
            expected = generation
        }
        return .later { reply in
            context.runtime.replaceDefinitions(text, ifGeneration: expected) { reply(answer($0)) }
        }
    }

    /// All that serves, as native documents; or the text that `PUT` replaces, as it was put.
    private static func read(_ context: AdminContext, _ request: AdminRequest) -> AdminAnswer {
        let status = context.state.current
        let body: String
        switch request.parameter("owner") {
        case nil, "all": body = DefinitionWriter.nativeText(status.definitions)
        case "api": body = status.ownedText ?? "# nothing is defined through the API\n"
        case let other?: return .problem("owner is `\(other)`, expected all or api", status: 400)
        }
        var answer = AdminAnswer(status: 200, content: .yaml, body: body)
        answer.generation = status.generation
        return answer
    }

    static func answer(_ outcome: ReloadOutcome) -> AdminAnswer {
        var answer = AdminAnswer.json(outcome.json, status: outcome.result == .refused ? 422 : 200)
        answer.generation = outcome.generation
        return answer
    }

    private static func answer(_ replacement: DefinitionReplacement) -> AdminAnswer {
        switch replacement {
        case .applied(let outcome): return answer(outcome)
        case .otherGeneration(let generation):
            var answer = AdminAnswer.problem("generation \(generation) serves; read it and try again", status: 412)
            answer.generation = generation
            return answer
        case .conflict(let conflicts, let outcome):
            var members = outcome.json.members
            let owners = Set(conflicts.map(\.owner.file)).sorted().joined(separator: ", ")
            members.insert(
                .init(key: "error", value: .string("owned by \(owners); change it there, or remove it there first")),
                at: 0)
            members.append(.init(key: "conflicts", value: .array(conflicts.map(\.json))))
            var answer = AdminAnswer.json(.object(members), status: 409)
            answer.generation = outcome.generation
            return answer
        case .notKept(let error): return .problem("nothing was changed: \(error)", status: 500)
        }
    }
}

enum ExplainPage {
    static func answer(_ context: AdminContext, _ request: AdminRequest) -> AdminAnswer {
        guard let text = request.parameter("request") else {
            return .problem("say which: ?request=GET%20http://color.colors.local/x", status: 400)
        }
        let format = request.parameter("format") ?? "json"
        guard format == "json" || format == "text" else {
            return .problem("format is `\(format)`, expected json or text", status: 400)
        }
        guard let snapshot = context.plane.publication?.snapshot else {
            return .problem("nothing serves yet", status: 503)
        }
        let discovered = context.state.current.discovered
        do throws(ExplainFailure) {
            let description = try RequestDescription(text, headers: request.values("header"))
            let explanation = try MeshExplainer.explain(
                snapshot, description, from: request.parameter("from") ?? context.proxy
            ) { discovered[$0] }
            var answer = format == "text" ? AdminAnswer.text("\(explanation)\n") : .json(explanation.json)
            answer.generation = snapshot.generation
            return answer
        } catch {
            return .problem("\(error)", status: 400)
        }
    }
}

enum TapPage {
    static func reply(_ context: AdminContext, _ request: AdminRequest) -> AdminCommand.Reply {
        guard request.isReading else { return .now(.problem("records are read with GET", status: 405)) }
        do throws(FilterError) {
            var filter = try TapFilter(request)
            if let proxy = context.proxy {
                if let asked = filter.proxy, !Naming.covers(proxy, asked) {
                    throw FilterError("this is the admin listener of \(proxy)")
                }
                filter.proxy = proxy
            }
            let wantsEvents = request.accept?.contains("text/event-stream") ?? false
            switch request.parameter("format") {
            case "sse": return .tap(filter, .events)
            case "json": return .tap(filter, .lines)
            case nil: return .tap(filter, wantsEvents ? .events : .lines)
            default: throw FilterError("format is json or sse")
            }
        } catch {
            return .now(.problem("\(error)", status: 400))
        }
    }
}
