import Patterns
import Routing
import Testing

@Suite struct PathTests {
    @Test(
        "a path is matched without its query; a prefix is a plain string prefix",
        arguments: [
            (PathMatch.exact("/exact"), ["/exact", "/exact?x"], ["/exact/", "/EXACT", "/exac", "/exactx"]),
            (.exact("/Exact", ignoresCase: true), ["/exact", "/EXACT"], ["/exact/", "/exac"]),
            (.prefix("/pto"), ["/pto", "/pton", "/pto/a", "/pto?q"], ["/pt", "/Pto", "/x/pto"]),
            (.prefix("/Pto", ignoresCase: true), ["/pto", "/PTON"], ["/pt"]),
            (.prefix("/"), ["/", "/x", "/?x"], ["", "*"]),
            (.any, ["/", "", "*", "/x"], []),
            (.prefix(""), ["/", "", "*"], []),
        ])
    func paths(_ match: PathMatch, _ accepted: [String], _ refused: [String]) {
        let snapshot = Snapshot.single([.to("r", MatchPlan(path: match))])
        for target in accepted { #expect(snapshot.accepts(Request(target: target)), "\(target)") }
        for target in refused { #expect(!snapshot.accepts(Request(target: target)), "\(target)") }
    }

    @Test("a pattern must match the whole path") func patterns() throws {
        let match = PathMatch.regex(RegexMatch(try Pattern("/b[0-9]+")))
        let snapshot = Snapshot.single([.to("r", MatchPlan(path: match))])
        for target in ["/b1", "/b23?x=1"] { #expect(snapshot.accepts(Request(target: target)), "\(target)") }
        for target in ["/b", "/b1/", "/a/b1", "/b1x"] {
            #expect(!snapshot.accepts(Request(target: target)), "\(target)")
        }
    }

    @Test("the first route in order wins, whatever kind of path it has") func order() throws {
        let pattern = PathMatch.regex(RegexMatch(try Pattern("/a.*")))
        let kinds: [(String, PathMatch)] = [
            ("any", .any), ("exact", .exact("/abc")), ("folded", .exact("/ABC", ignoresCase: true)),
            ("prefix", .prefix("/ab")), ("short", .prefix("/")), ("wide", .prefix("/A", ignoresCase: true)),
            ("regex", pattern),
        ]
        var random = SeededRandom(seed: 7)
        for _ in 0..<200 {
            let shuffled = kinds.shuffled(using: &random)
            let snapshot = Snapshot.single(shuffled.map { .to($0.0, MatchPlan(path: $0.1)) })
            #expect(snapshot.routeName(Request(target: "/abc")) == shuffled[0].0)
        }
    }

    @Test("a route that fails on another predicate gives way to the next candidate") func fallThrough() {
        let snapshot = Snapshot.single([
            .to("exact", MatchPlan(path: .exact("/a/b"), method: "POST")),
            .to("long", MatchPlan(path: .prefix("/a/b"), method: "PUT")),
            .to("long2", MatchPlan(path: .prefix("/a/b"), method: "PATCH")),
            .to("short", MatchPlan(path: .prefix("/a"), method: "DELETE")),
            .to("rest", MatchPlan(path: .prefix("/"), method: "GET")),
        ])
        let expected = [
            "POST": "exact", "PUT": "long", "PATCH": "long2", "DELETE": "short", "GET": "rest", "HEAD": "noRoute",
        ]
        for (method, name) in expected {
            #expect(snapshot.routeName(Request(method: method, target: "/a/b")) == name)
        }
    }
}
