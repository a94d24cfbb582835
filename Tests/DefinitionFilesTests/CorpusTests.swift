// Definitions that people published, loaded with nothing but names and variables added.

import DefinitionFiles
import Definitions
import Foundation
import Testing

@Suite struct CorpusTests {
    @Test(.corpus) func `loads every published CLI input through an import list and gives its spec back`() throws {
        let folder = try #require(Corpus.folder())
        let files = Self.files(in: folder) { $0.contains("/howto-") && $0.hasSuffix(".json") }
        #expect(files.count >= 70)
        for file in files {
            let text = try Corpus.text(file)
            let filled = text.replacing(/\$([A-Z_]+)/) { "\"value.of.\($0.output.1.lowercased())\"" }
            let input = try JSONSerialization.jsonObject(with: Data(filled.utf8)) as? [String: Any]
            let loaded = try Self.load(file, text: text, isNamed: Set(input?.keys.map { $0 } ?? []) != ["spec"])
            let errors = loaded.diagnostics.filter { $0.severity == .error }
            #expect(errors == [], "\(file)")
            let spec = try #require(Self.onlySpec(in: loaded.definitions), "\(file)")
            let written = try JSONSerialization.jsonObject(with: Data(spec.json().utf8)) as? NSDictionary
            #expect(written == (input?["spec"] as? NSDictionary ?? [:]), "\(file)")
        }
    }

    @Test(.corpus) func `loads a whole published walkthrough as one folder with a list`() throws {
        let folder = try #require(Corpus.folder())
        let mesh = "\(folder)/howto-ingress-gateway/mesh"
        let nodes = ["white", "black", "blue", "red"].map { color in
            "{ file: \(mesh)/colorteller-\(color)-vn.json, kind: virtualNode, name: colorteller-\(color)-vn, "
                + "variables: { DNS_HOSTNAME: \(color).local } }"
        }
        let others = [1, 2].flatMap { number in
            [
                "{ file: \(mesh)/colorteller-vr-\(number).json, kind: virtualRouter, name: vr-\(number) }",
                "{ file: \(mesh)/colorteller-route-\(number).json, kind: route, name: all, parent: vr-\(number) }",
                "{ file: \(mesh)/colorteller-vs-\(number).json, kind: virtualService, name: vs-\(number).local, "
                    + "variables: { VIRTUALROUTER_NAME: vr-\(number) } }",
                "{ file: \(mesh)/colorgateway-route-\(number).json, kind: gatewayRoute, name: color\(number), "
                    + "parent: front, variables: { VIRTUALSERVICE_NAME: vs-\(number).local } }",
            ]
        }
        let gateway = "{ file: \(mesh)/colorgateway-vg.json, kind: virtualGateway, name: front }"
        let list =
            "mesh: colors\nimports:\n" + (nodes + others + [gateway]).map { "  - \($0)\n" }.joined()
        let temporary = try TemporaryFolder(["imports.yaml": list])
        let loaded = DefinitionLoader.load(paths: [temporary.path], variables: ["CERTIFICATE_ARN": "arn:aws:acm:x"])
        #expect(loaded.diagnostics == [])
        let definition = try #require(loaded.definitions.meshes["colors"])
        #expect(definition.virtualNodes.count == 4)
        #expect(definition.virtualRouters["vr-2"]?.routes["all"]?.httpRoute?.action.weightedTargets.count == 2)
        #expect(definition.virtualGateways["front"]?.gatewayRoutes.count == 2)
        #expect(loaded.files.count == 15)
    }

    private static func files(in folder: String, where isWanted: (String) -> Bool) -> [String] {
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return names.map { "\(folder)/\($0)" }.filter(isWanted).sorted()
    }

    /// The kind that the examples' scripts give a file, by its name and content.
    private static func load(_ file: String, text: String, isNamed: Bool) throws -> LoadedDefinitions {
        let name = file.split(separator: "/").last.map(String.init) ?? ""
        let kind =
            if name == "mesh.json" {
                "mesh"
            } else if name.contains("-vgw") || name.contains("-vg.") || name.contains("-vg-") {
                "virtualGateway"
            } else if name.contains("-vn") {
                "virtualNode"
            } else if name.contains("-vr") {
                "virtualRouter"
            } else if name.contains("-vs") {
                "virtualService"
            } else {
                text.contains("\"target\"") ? "gatewayRoute" : "route"
            }
        var entry = "file: \(file)"
        entry += ", kind: \(kind)"
        if !isNamed { entry += ", name: example" }
        if kind == "gatewayRoute" || (kind == "route" && !isNamed) { entry += ", parent: example-parent" }
        let variables = text.matches(of: /\$([A-Z_]+)/).map { String($0.output.1) }
        let temporary = try TemporaryFolder(["imports.yaml": "mesh: example\nimports: [{ \(entry) }]\n"])
        return DefinitionLoader.load(
            paths: [temporary.path],
            variables: Dictionary(variables.map { ($0, "value.of.\($0.lowercased())") }) { first, _ in first })
    }

    private static func onlySpec(in definitions: Definitions) -> DefinitionValue? {
        guard let mesh = definitions.meshes.values.first else { return nil }
        let specs =
            mesh.virtualNodes.values.map(DefinitionWriter.value(of:))
            + mesh.virtualServices.values.map(DefinitionWriter.value(of:))
            + mesh.virtualRouters.values.flatMap { router in
                router.routes.isEmpty
                    ? [DefinitionWriter.value(of: router.spec)] : router.routes.values.map(DefinitionWriter.value(of:))
            }
            + mesh.virtualGateways.values.flatMap { gateway in
                gateway.gatewayRoutes.isEmpty
                    ? [DefinitionWriter.value(of: gateway.spec)]
                    : gateway.gatewayRoutes.values.map(DefinitionWriter.value(of:))
            }
        return specs.isEmpty ? DefinitionWriter.value(of: mesh.spec) : specs.count == 1 ? specs.first : nil
    }
}
