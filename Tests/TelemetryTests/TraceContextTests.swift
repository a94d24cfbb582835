import Testing
import Wire

@testable import Telemetry

private let traceA = TraceID(high: 0x5759_E988_BD86_2E3F, low: 0xE1BE_46A9_9427_2793)
private let rootA = "1-5759e988-bd862e3fe1be46a994272793"
private let w3cA = "00-5759e988bd862e3fe1be46a994272793-00f067aa0ba902b7-01"
private let spanA: UInt64 = 0x00F0_67AA_0BA9_02B7

private func parsed<Result>(_ text: String, _ read: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    Array(text.utf8).withUnsafeBufferPointer(read)
}

@Suite("traceparent")
struct TraceParentTests {
    @Test(
        "A valid value is read and written back in version 00",
        arguments: [
            (w3cA, UInt8(1), w3cA),
            ("00-5759e988bd862e3fe1be46a994272793-00f067aa0ba902b7-00", 0, nil),
            ("00-5759e988bd862e3fe1be46a994272793-00f067aa0ba902b7-03", 3, nil),
            ("00-5759e988bd862e3fe1be46a994272793-00f067aa0ba902b7-ff", 0xFF, nil),
            // Versions to come are read as far as version 00 goes.
            ("01-5759e988bd862e3fe1be46a994272793-00f067aa0ba902b7-01", 1, w3cA),
            ("fe-5759e988bd862e3fe1be46a994272793-00f067aa0ba902b7-01-what-else", 1, w3cA),
        ] as [(String, UInt8, String?)])
    func valid(_ text: String, _ flags: UInt8, _ written: String?) {
        let value = parsed(text) { TraceParent($0) }
        #expect(value == TraceParent(traceID: traceA, parentID: spanA, flags: flags))
        #expect(value?.isSampled == (flags & 1 == 1))
        let space = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: TraceParent.bytes)
        defer { space.deallocate() }
        let count = value?.write(to: space) ?? 0
        #expect(String(decoding: space[..<count], as: UTF8.self) == written ?? text)
    }

    @Test(
        "Anything else is nobody's trace",
        arguments: [
            "", "00", "00-", "ff-5759e988bd862e3fe1be46a994272793-00f067aa0ba902b7-01",
            "00-5759E988BD862E3FE1BE46A994272793-00F067AA0BA902B7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-5759e988bd862e3fe1be46a994272793-0000000000000000-01",
            "00-5759e988bd862e3fe1be46a994272793-00f067aa0ba902b7-0",
            "00-5759e988bd862e3fe1be46a994272793-00f067aa0ba902b7-01-", w3cA + "-00", w3cA + " ", " " + w3cA,
            "01-5759e988bd862e3fe1be46a994272793-00f067aa0ba902b7-01x",
            "00_5759e988bd862e3fe1be46a994272793-00f067aa0ba902b7-01",
            "00-5759e988bd862e3fe1be46a994272793_00f067aa0ba902b7-01",
            "00-5759e988bd862e3fe1be46a99427279g-00f067aa0ba902b7-01",
            "0x-5759e988bd862e3fe1be46a994272793-00f067aa0ba902b7-01",
            "00-5759e988bd862e3fe1be46a994272793-00f067aa0ba902b7-é",
        ])
    func invalid(_ text: String) {
        #expect(parsed(text) { TraceParent($0) } == nil)
    }
}

@Suite("x-amzn-trace-id")
struct XRayHeaderTests {
    struct Case: Sendable, CustomStringConvertible {
        var text: String
        var root: TraceID? = traceA
        var parent: UInt64 = 0
        var sampling = XRayHeader.Sampling.unsaid
        var description: String { text }
    }

    @Test(
        "Fields are found in any order, case and spacing, and a broken one is passed over",
        arguments: [
            Case(text: "Root=\(rootA)"),
            Case(
                text: "Root=\(rootA);Parent=53995c3f42cd8ad8;Sampled=1", parent: 0x5399_5C3F_42CD_8AD8, sampling: .yes),
            Case(
                text: "sampled=0; PARENT=53995C3F42CD8AD8 ;\troot=\(rootA)", parent: 0x5399_5C3F_42CD_8AD8,
                sampling: .no),
            Case(text: "Root=1-5759E988-BD862E3FE1BE46A994272793;;", parent: 0),
            Case(text: "Self=1-67891234-x;Root=\(rootA);Sampled=?", sampling: .asked),
            Case(text: "Root=\(rootA);Sampled=true;Parent=53995c3f42cd8ad"),
            Case(text: "Root=\(rootA);Parent=53995c3f42cd8adx"),
            Case(text: "Root=\(rootA);Parent=0000000000000000;Sampled="),
            Case(text: "Sampled=1", root: nil, sampling: .yes),
            Case(text: "Rooty=\(rootA)", root: nil),
            Case(text: "nothing", root: nil),
            Case(text: "=;=", root: nil),
            Case(text: "", root: nil),
        ])
    func fields(_ example: Case) {
        let header = parsed(example.text) { XRayHeader($0) }
        #expect(header?.root == example.root)
        #expect(header?.parentID == example.parent)
        #expect(header?.sampling == example.sampling)
        #expect(header != nil)
    }

    @Test(
        "A header whose Root is not one identifier is not believed in anything",
        arguments: [
            "Root=", "Root=1", "Root=1-5759e988-bd862e3fe1be46a99427279", "Root=\(rootA)0",
            "Root=0\(rootA.dropFirst())",
            "Root=1-5759e988_bd862e3fe1be46a994272793", "Root=1-5759e98x-bd862e3fe1be46a994272793",
            "Root=1-00000000-000000000000000000000000", "Root=\(rootA);Root=\(rootA)", "Root=\(rootA);Root=x;Sampled=1",
            "Sampled=1;Root=\u{0}",
        ])
    func untrustworthy(_ text: String) {
        #expect(parsed(text) { XRayHeader($0) } == nil)
    }
}

@Suite("Trace headers of a request")
struct TraceHeaderTests {
    private func head(_ fields: [(String, String)]) -> HeaderBlock {
        requestHead("GET", "/", fields.map { ($0.0, utf8($0.1)) })
    }

    private func values(_ head: HeaderBlock, _ id: HeaderID) -> [String] {
        (0..<head.count).filter { head.field($0).id == id }.map { head.text(head.field($0).value) }
    }

    private let other = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test("x-amzn-trace-id decides, traceparent stands in for it, and neither is believed when broken")
    func reading() {
        typealias Incoming = TraceHeaders.Incoming
        let parent: UInt64 = 0x5399_5C3F_42CD_8AD8
        let xray = ("x-amzn-trace-id", "Root=\(rootA);Parent=53995c3f42cd8ad8")
        let cases: [([(String, String)], Incoming)] = [
            ([], Incoming()),
            ([xray], Incoming(traceID: traceA, parentID: parent)),
            ([xray, ("traceparent", other)], Incoming(traceID: traceA, parentID: parent)),
            // Of the same trace: what one does not say, the other does.
            ([xray, ("traceparent", w3cA)], Incoming(traceID: traceA, parentID: parent, isSampled: true)),
            ([("traceparent", w3cA)], Incoming(traceID: traceA, parentID: spanA, isSampled: true)),
            (
                [("traceparent", w3cA), ("x-amzn-trace-id", "Sampled=0")],
                Incoming(traceID: traceA, parentID: spanA, isSampled: false)
            ),
            ([("traceparent", w3cA), ("x-amzn-trace-id", "Sampled=?")], Incoming(traceID: traceA, parentID: spanA)),
            ([("traceparent", w3cA), ("traceparent", w3cA)], Incoming()),
            ([("x-amzn-trace-id", "Root=x;Sampled=1")], Incoming()),
            ([("x-amzn-trace-id", "Sampled=1;Parent=53995c3f42cd8ad8")], Incoming(isSampled: true)),
            (
                [("x-amzn-trace-id", "Root=x"), ("traceparent", w3cA)],
                Incoming(traceID: traceA, parentID: spanA, isSampled: true)
            ),
        ]
        for (fields, expected) in cases {
            #expect(TraceHeaders.read(head(fields)) == expected, "\(fields)")
        }
    }

    private let span = TraceSpan(traceID: traceA, id: 0xA, parentID: 1, isSampled: true)
    private let ownXRay = "Root=\(rootA);Parent=000000000000000a;Sampled=1"
    private let ownW3C = "00-5759e988bd862e3fe1be46a994272793-000000000000000a-01"

    @Test("The proxy's own segment becomes the parent in both headers, once each")
    func writing() {
        let cases: [(sent: [(String, String)], xray: String, w3c: String, state: [String])] = [
            ([], ownXRay, ownW3C, []),
            ([("x-amzn-trace-id", "Root=\(rootA);Sampled=0")], ownXRay, ownW3C, []),
            (
                [("x-amzn-trace-id", "Self=a; Root=\(rootA) ;Lineage=1:b:0;no;k=v=w"), ("x-amzn-trace-id", "z=z")],
                ownXRay + ";Self=a;Lineage=1:b:0;k=v=w", ownW3C, []
            ),
            ([("x-amzn-trace-id", "Root=bad;Self=a")], ownXRay, ownW3C, []),
            ([("tracestate", "a=b")], ownXRay, ownW3C, []),
            ([("traceparent", "bad"), ("tracestate", "a=b")], ownXRay, ownW3C, []),
            ([("traceparent", w3cA), ("tracestate", "a=b"), ("tracestate", "c=d")], ownXRay, ownW3C, ["a=b", "c=d"]),
            ([("traceparent", w3cA.dropLast(2) + "ff")], ownXRay, ownW3C.dropLast(2) + "03", []),
            ([("traceparent", other), ("tracestate", "a=b")], ownXRay, other, ["a=b"]),
        ]
        for (sent, xray, w3c, state) in cases {
            let head = head(sent)
            TraceHeaders.write(span, to: head)
            #expect(values(head, .xAmznTraceID) == [xray], "\(sent)")
            #expect(values(head, .traceparent) == [w3c], "\(sent)")
            #expect(values(head, .tracestate) == state, "\(sent)")
        }
    }

    @Test("What is not sampled says so, and everything else in the head stays")
    func notSampled() {
        let b3 = "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1"
        let head = head([("b3", b3), ("x-b3-traceid", "463ac35c9f6413ad"), ("x-request-id", "r")])
        TraceHeaders.write(TraceSpan(traceID: traceA, id: 0xA, isSampled: false), to: head)
        #expect(values(head, .xAmznTraceID) == ["Root=\(rootA);Parent=000000000000000a;Sampled=0"])
        #expect(values(head, .traceparent) == [ownW3C.dropLast(1) + "0"])
        #expect(values(head, .b3) == [b3] && values(head, .xRequestID) == ["r"] && values(head, .other).count == 1)
    }

    @Test("Reading and writing survive any bytes")
    func anyBytes() {
        var random = SystemRandomNumberGenerator()
        let pieces = [
            "Root=", rootA, ";", "=", " ", "Sampled=1", "Parent=53995c3f42cd8ad8", w3cA, "00-", "\u{e9}", "-",
        ]
        for _ in 0..<5_000 {
            let text = (0..<Int.random(in: 0...8)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            let head = head([("x-amzn-trace-id", text), ("traceparent", String(text.prefix(60)))])
            TraceHeaders.write(span, to: head)
            let written = values(head, .xAmznTraceID)
            #expect(written.count == 1 && written[0].hasPrefix(ownXRay), "\(text)")
            #expect(TraceHeaders.read(head).traceID == traceA, "\(text)")
        }
    }
}
