// Templates and manifests that were made to do harm: every one of them ends, within a bounded time, in a finding.

import DefinitionFiles
import Definitions
import Foundation
import Testing

@Suite struct HostileImportTests {
    private static func codes(_ text: String, name: String = "x.yaml") -> Set<String> {
        Set(DefinitionLoader.load(text: text, name: name).diagnostics.filter { $0.severity == .error }.map(\.code))
    }

    private static func mesh(_ id: String, named expression: String) -> String {
        "  \(id): { Type: AWS::AppMesh::Mesh, Properties: { MeshName: \(expression) } }\n"
    }

    @Test(arguments: [
        ("placements", "mesh: m\nlocal: { nodes: {", "}}", "n#: { app: '127.0.0.1:1' }"),
        ("paths", "local: { paths: {", "}}", "/p#: x"),
        ("certificates", "local: { certificates: {", "}}", "c#: { certificateChain: /nowhere/x }"),
        ("imports", "imports: [", "]", "{ file: x#, mesh: m, kind: virtualNode, name: n }"),
    ])
    func `takes many entries in time that grows with their number`(
        what: String, start: String, end: String, entry: String
    ) throws {
        let folder = try TemporaryFolder()
        let time = { (count: Int) throws in
            let text = start + (0..<count).map { entry.replacing("#", with: "\($0)") }.joined(separator: ", ") + end
            try folder.write(Data(text.utf8), to: "\(count).yaml")
            return ThreadTime.measured { _ = DefinitionLoader.load(paths: ["\(folder.path)/\(count).yaml"]) }
        }
        _ = try time(100)
        // Eight times the entries: work on all of them for each would take 64 times as long.
        #expect(try time(8_000) < time(1_000) * 24, "\(what)")
    }

    @Test func `limits the directives of a YAML document`() {
        let directives = { (count: Int) in (0..<count).map { "%TAG !e\($0)! tag:\($0)\n" }.joined() }
        #expect(Self.codes(directives(100) + "---\nmesh: m\n") == [])
        #expect(Self.codes(directives(101) + "---\nmesh: m\n") == ["too-many-directives"])
        #expect(
            Self.codes("mesh: m\n...\n" + directives(200_000).replacing("\n", with: "\r\n")) == ["too-many-directives"])
    }

    @Test func `finds cycles of attributes`() {
        let pair = mesh2("!GetAtt B.MeshName", "!Sub '${A.MeshName}'")
        #expect(Self.codes(pair) == ["cyclic-reference"])
        #expect(Self.codes("Resources:\n" + Self.mesh("A", named: "!GetAtt A.MeshName")) == ["cyclic-reference"])
        #expect(Self.codes("Resources:\n" + Self.mesh("A", named: "!Sub '${A}'")) == ["cyclic-reference"])
        let found = DefinitionLoader.load(text: pair, name: "x.yaml").diagnostics.first { $0.severity == .error }
        #expect(found?.message == "depends on itself: A.MeshName → B.MeshName → A.MeshName")
    }

    private func mesh2(_ first: String, _ second: String) -> String {
        "Resources:\n" + Self.mesh("A", named: first) + Self.mesh("B", named: second)
    }

    @Test func `finds cycles of conditions`() {
        let text = """
            Conditions:
              A: !Not [!Condition B]
              B: !Or [!Condition C, !Equals [a, a]]
              C: { Condition: A }
            Resources:
              Mesh: { Type: AWS::AppMesh::Mesh, Condition: A, Properties: { MeshName: !If [B, a, b] } }
            """
        #expect(Self.codes(text) == ["cyclic-reference"])
    }

    @Test func `ends on chains of references of any length`() {
        for length in [100, 20_000] {
            let chain = (0..<length).map { Self.mesh("M\($0)", named: "!GetAtt M\($0 + 1).MeshName") }.joined()
            let text = "Resources:\n" + chain + Self.mesh("M\(length)", named: "end")
            #expect(Self.codes(text).subtracting(["duplicate-resource", "too-deep"]) == [])
        }
        let conditions = (0..<20_000).map { "  C\($0): !Not [!Condition C\($0 + 1)]\n" }.joined()
        let text =
            "Conditions:\n\(conditions)  C20000: !Equals [a, a]\nResources:\n" + Self.mesh("A", named: "!If [C0, a, b]")
        #expect(Self.codes(text) == ["too-deep"])
    }

    @Test func `ends on deep nesting of functions`() {
        for (open, close) in [
            ("!Join ['', [", "]]"), ("!Select [0, [", "]]"), ("!Base64 {a: ", "}"), ("!If [A, ", ", b]"),
        ] {
            for depth in [20, 49, 2000] {
                let text =
                    "Conditions: { A: !Equals [a, a] }\nResources:\n"
                    + Self.mesh(
                        "A",
                        named: String(repeating: open, count: depth) + "x" + String(repeating: close, count: depth))
                let codes = Self.codes(text)
                #expect(depth != 20 || open.hasPrefix("!Base64") || codes.isEmpty, "\(open) \(depth)")
                #expect(depth != 2000 || codes == ["too-deep"], "\(open) \(depth)")
            }
        }
    }

    @Test func `bounds texts that double`() {
        let doubling = (0..<64).map {
            Self.mesh("M\($0)", named: "!Sub '${M\($0 + 1).MeshName}${M\($0 + 1).MeshName}'")
        }
        // From the end, so that each name is known when the next one asks for it.
        let text = "Resources:\n" + Self.mesh("M64", named: "aaaaaaaa") + doubling.reversed().joined()
        #expect(Self.codes(text).contains("too-large"))
        let joined = (0..<64).map {
            Self.mesh("M\($0)", named: "!Join ['', [!GetAtt M\($0 + 1).MeshName, !GetAtt M\($0 + 1).MeshName]]")
        }
        let end = Self.mesh("M64", named: "aaaaaaaa")
        #expect(Self.codes("Resources:\n" + end + joined.reversed().joined()).contains("too-large"))
    }

    @Test func `bounds all texts and all work together`() {
        let big = String(repeating: "x", count: 60_000)
        let uses = Array(repeating: "!Sub 'a${P}'", count: 5000).joined(separator: ", ")
        let text = """
            Parameters: { P: { Type: String, Default: \(big) } }
            Resources:
              N: { Type: AWS::AppMesh::VirtualNode, Properties: { MeshName: m, Spec: { Backends: [\(uses)] } } }
            """
        #expect(Self.codes(text).contains("too-large"))
        let list = Array(repeating: "a", count: 20_000).joined(separator: ",")
        let refs = Array(repeating: "!Ref P", count: 5000).joined(separator: ", ")
        let lists = """
            Parameters: { P: { Type: CommaDelimitedList, Default: "\(list)" } }
            Resources:
              N: { Type: AWS::AppMesh::VirtualNode, Properties: { MeshName: m, Spec: { Backends: [\(refs)] } } }
            """
        #expect(Self.codes(lists).contains("too-large"))
    }

    @Test func `does not compare thousands of unknown names with thousands of known ones`() {
        let known = (0..<5000).map { "  Resource\($0): { Type: AWS::S3::Bucket }\n" }.joined()
        let unknown = (0..<5000).map { Self.mesh("M\($0)", named: "!Ref Resorce\($0)x") }.joined()
        #expect(Self.codes("Resources:\n" + known + unknown) == ["undefined-reference"])
    }

    @Test(arguments: [
        "Resources:", "Resources: []", "Resources: { A: }", "Resources: { A: [] }", "Resources: { A: { Type: 5 } }",
        "Resources: !Ref A", "Resources: { A: { Type: !Ref B, Properties: 1 } }",
        "Resources: { A: { Type: AWS::AppMesh::Mesh, Properties: } }",
        "Resources: { A: { Type: AWS::AppMesh::Mesh, Properties: !If [A, b, c] } }",
        "Resources: { A: { Type: AWS::AppMesh::Mesh, Properties: [] } }",
        "Resources: { A: { Type: AWS::AppMesh::Route } }",
        "Resources: { A: { Type: AWS::AppMesh::VirtualNode, Properties: { MeshName: m, Spec: [] } } }",
        "Resources: { A: { Type: AWS::AppMesh::VirtualNode, Properties: { MeshName: [], Spec: {} } } }",
        "Resources: { A: { Type: AWS::AppMesh::VirtualNode, Properties: { MeshName: , Spec: {} } } }",
        "Resources: { A: { Type: AWS::AppMesh::VirtualNode, Properties: { MeshName: m, Spec: !Ref AWS::NoValue } } }",
        "Resources: { A: { Type: AWS::AppMesh::Mesh, Condition: [] } }",
        "Resources: { A: { Type: AWS::AppMesh::Mesh, Condition: A } }",
        "Resources: { A: { Type: AWS::AppMesh::Mesh, Properties: { Fn::If: [] } } }",
        "Resources: { Fn::ForEach::X: [] }", "Resources: { A: { Type: 'AWS::AppMesh::' } }",
        "Resources: { A: { Type: 'AWS::AppMesh::Mesh', Properties: { MeshName: !Ref P } } }\nParameters: 7",
        "Resources: { A: { Type: 'AWS::AppMesh::Mesh', Properties: { MeshName: !Ref P } } }\nParameters: { P: 7 }",
        "Resources: { A: { Type: 'AWS::AppMesh::Mesh', Properties: { MeshName: !Ref P } } }\nParameters: { P: { Type: [] } }",
        "Resources: { A: { Type: 'AWS::AppMesh::Mesh', Properties: { MeshName: !Ref P } } }\nParameters: { P: { Type: String, Default: {} } }",
        "Resources: { A: { Type: 'AWS::AppMesh::Mesh', Properties: { MeshName: !FindInMap [M, a, b] } } }\nMappings: { M: 7 }",
        "Resources: { A: { Type: 'AWS::AppMesh::Mesh', Properties: { MeshName: !If [C, a, b] } } }\nConditions: { C: }",
    ])
    func `takes any shape of a template`(text: String) {
        let found = DefinitionLoader.load(text: "AWSTemplateFormatVersion: 2010-09-09\n\(text)", name: "x.yaml")
            .diagnostics
        #expect(found.contains { $0.severity != .note })
    }

    private static func manifest(_ kind: String, _ rest: String) -> String {
        "apiVersion: appmesh.k8s.aws/v1beta2\nkind: \(kind)\n\(rest)\n"
    }

    @Test(arguments: [
        "", "metadata:", "metadata: []", "metadata: { name: [] }", "metadata: { name: '' }",
        "metadata: { name: a }\nspec: 7",
        "metadata: { name: a, namespace: [] }\nspec: { backends: 7 }", "metadata: { name: a }\nspec: { awsName: [] }",
        "metadata: { name: a }\nspec: { backendGroups: 7 }",
        "metadata: { name: a }\nspec: { backendGroups: [7, {}, { name: }] }",
        "metadata: { name: a }\nspec: { backends: [{ virtualService: { virtualServiceRef: } }] }",
        "metadata: { name: a }\nspec: { backends: [{ virtualService: { virtualServiceRef: { name: { a: b } } } }] }",
        "metadata: { name: a }\nspec: { backends: [{ virtualService: { virtualServiceARN: [] } }] }",
        "metadata: { name: a }\nspec: { meshRef: { name: nope } }", "metadata: { name: a }\nextra: 1",
    ])
    func `takes any shape of a manifest`(rest: String) {
        let mesh = Self.manifest("Mesh", "metadata: { name: m }")
        #expect(!Self.codes(mesh + "---\n" + Self.manifest("VirtualNode", rest)).isEmpty)
    }

    @Test(arguments: [
        "routes: 7", "routes: [7]", "routes: [{ name: }]", "routes: [{ name: [] }]", "routes: [{}]",
        "routes: [{ name: a, httpRoute: 7 }]", "routes: [{ name: a }, { name: a }]",
    ])
    func `takes any shape of a router's routes`(spec: String) {
        let mesh = Self.manifest("Mesh", "metadata: { name: m }")
        let router = Self.manifest("VirtualRouter", "metadata: { name: r }\nspec: { \(spec) }")
        #expect(!Self.codes(mesh + "---\n" + router).isEmpty)
    }

    @Test(arguments: [
        "7", "{ matchLabels: 7 }", "{ matchExpressions: 7 }", "{ matchExpressions: [7] }",
        "{ matchExpressions: [{ key: a, operator: Nope }] }", "{ labels: {} }",
    ])
    func `takes any shape of a selector`(selector: String) {
        let meshes = ["a", "b"].map {
            Self.manifest("Mesh", "metadata: { name: \($0) }\nspec: { namespaceSelector: \(selector) }") + "---\n"
        }
        let others = "apiVersion: v1\nkind: Namespace\nmetadata: { name: default }\n---\n"
        #expect(!Self.codes(meshes.joined() + others + Self.manifest("VirtualNode", "metadata: { name: a }")).isEmpty)
    }

    @Test func `bounds backend groups that multiply`() {
        let services = (0..<320).map { Self.manifest("VirtualService", "metadata: { name: s\($0) }") + "---\n" }
        let nodes = (0..<320).map {
            Self.manifest("VirtualNode", "metadata: { name: n\($0) }\nspec: { backendGroups: [{ name: '*' }] }")
                + "---\n"
        }
        let mesh = Self.manifest("Mesh", "metadata: { name: m }") + "---\n"
        #expect(Self.codes(mesh + services.joined() + nodes.joined()) == ["too-large"])
    }
}
