// Files, folders and lists, and how they merge.

import DefinitionFiles
import Definitions
import Foundation
import Testing

@Suite struct LoaderTests {
    private static let node = "{ serviceDiscovery: { dns: { hostname: a.local } } }"

    @Test func `merges the definition files of a folder by name and ignores the others`() throws {
        let folder = try TemporaryFolder([
            "b.yml": "mesh: colors\nvirtualNodes: { blue: \(Self.node) }\n",
            "a.yaml": "mesh: colors\nvirtualNodes: { green: \(Self.node) }\n",
            "c.json": #"{ "meshName": "colors", "virtualNodeName": "red", "spec": {} }"#,
            ".hidden.yaml": "nonsense: [",
            "notes.txt": "nonsense: [",
            "below/d.yaml": "nonsense: [",
        ])
        let loaded = DefinitionLoader.load(paths: [folder.path])
        #expect(loaded.diagnostics == [])
        #expect(loaded.definitions.meshes["colors"]?.virtualNodes.keys.sorted() == ["blue", "green", "red"])
        #expect(loaded.files == [folder.path] + ["a.yaml", "b.yml", "c.json"].map { "\(folder.path)/\($0)" })
    }

    @Test func `reads a file once however often it is named`() throws {
        let folder = try TemporaryFolder(["a.yaml": "mesh: colors\nvirtualNodes: { blue: {} }\n"])
        let file = "\(folder.path)/a.yaml"
        #expect(DefinitionLoader.load(paths: [file, folder.path, "\(folder.path)/./a.yaml"]).diagnostics == [])
    }

    @Test func `does not load a file by itself that a list of its folder imports`() throws {
        let folder = try TemporaryFolder([
            "imports.yaml": "imports: [{ file: ./node.json, mesh: colors, kind: virtualNode, name: blue }]\n",
            "node.json": #"{ "spec": {} }"#,
        ])
        let loaded = DefinitionLoader.load(paths: [folder.path])
        #expect(loaded.diagnostics == [])
        #expect(loaded.definitions.meshes["colors"]?.virtualNodes["blue"] == VirtualNodeSpec())
        #expect(loaded.files.contains("\(folder.path)/node.json"))
    }

    @Test func `names both places of a duplicate across files`() throws {
        let folder = try TemporaryFolder([
            "a.yaml": "mesh: colors\nvirtualNodes: { blue: {} }\n",
            "b.yaml": "mesh: colors\nvirtualNodes:\n  blue: {}\n",
        ])
        let found = try #require(DefinitionLoader.load(paths: [folder.path]).diagnostics.first)
        #expect(found.position == SourcePosition(file: "\(folder.path)/b.yaml", line: 3, column: 3))
        #expect(found.message == "is defined twice, first at \(folder.path)/a.yaml:2:17")
    }

    @Test func `says that a path does not exist and still names it for the watcher`() {
        let loaded = DefinitionLoader.load(paths: ["/nonexistent/mesh.yaml"])
        #expect(loaded.diagnostics.map(\.code) == ["no-such-file"])
        #expect(loaded.hasErrors)
        #expect(loaded.files == ["/nonexistent/mesh.yaml"])
    }

    @Test func `accepts a byte order mark and Windows line ends`() throws {
        let folder = try TemporaryFolder()
        let yaml = "mesh: colors\r\nvirtualNodes:\r\n  blue: { serviceDiscovery: { dns: { hostnam: a } } }\r\n"
        try folder.write(Data([0xEF, 0xBB, 0xBF]) + Data(yaml.utf8), to: "a.yaml")
        let json = "{\r\n  \"meshName\": \"colors\",\r\n  \"virtualNodeName\": \"red\",\r\n  \"spec\": 5\r\n}\r\n"
        try folder.write(Data([0xEF, 0xBB, 0xBF]) + Data(json.utf8), to: "b.json")
        let positions = DefinitionLoader.load(paths: [folder.path]).diagnostics.compactMap(\.position)
        #expect(positions.map { [$0.line, $0.column] } == [[3, 38], [4, 3]])
    }

    @Test(arguments: [
        ([0xFF, 0xFE, 0x6D, 0x00] as [UInt8], "not-utf8", 1),
        ([0x61, 0x3A, 0x0A, 0x62, 0xFF, 0x0A] as [UInt8], "not-utf8", 2),
    ])
    func `says what is no UTF-8`(bytes: [UInt8], code: String, line: Int) throws {
        let folder = try TemporaryFolder()
        try folder.write(Data(bytes), to: "a.yaml")
        let found = try #require(DefinitionLoader.load(paths: [folder.path]).diagnostics.first)
        #expect(found.code == code)
        #expect(found.position?.line == line)
    }

    @Test func `reads 16 MiB and not a byte more`() throws {
        let folder = try TemporaryFolder()
        let limit = 16 * 1024 * 1024
        let text = Data("{ \"mesh\": \"colors\" }".utf8)
        try folder.write(text + Data(repeating: 0x20, count: limit - text.count), to: "a.json")
        #expect(DefinitionLoader.load(paths: [folder.path]).diagnostics == [])
        try folder.write(text + Data(repeating: 0x20, count: limit - text.count + 1), to: "a.json")
        #expect(DefinitionLoader.load(paths: [folder.path]).diagnostics.map(\.code) == ["too-large"])
    }

    @Test func `takes a mesh from an input without a file that defines it`() {
        let text = #"{ "meshName": "m", "virtualServiceName": "a.local", "spec": {}, "tags": [], "clientToken": "x" }"#
        let loaded = DefinitionLoader.load(text: text, name: "input")
        #expect(loaded.diagnostics == [])
        #expect(loaded.definitions.meshes["m"]?.virtualServices["a.local"] == VirtualServiceSpec())
        #expect(loaded.sources.position(.mesh("m"))?.line == 1)
    }

    @Test func `takes what a describe call printed`() {
        let text = #"""
            { "route": { "meshName": "m", "virtualRouterName": "r", "routeName": "all", "status": { "status": "ACTIVE" },
                "metadata": { "version": 1 }, "spec": { "tcpRoute": { "action": { "weightedTargets": [
                    { "virtualNode": "blue", "weight": 1 } ] } } } } }
            """#
        let loaded = DefinitionLoader.load(text: text, name: "route.json")
        #expect(loaded.diagnostics.map(\.code) == ["undefined-parent"])
        #expect(loaded.definitions.meshes["m"]?.virtualRouters["r"]?.routes["all"]?.tcpRoute != nil)
    }

    @Test func `keeps routes and their router whatever comes first`() {
        let text = """
            mesh: m
            virtualRouters: { r: { routes: { all: { tcpRoute: { action: { weightedTargets: [{ virtualNode: a, weight: 1 }] } } } } } }
            ---
            mesh: m
            virtualRouters: { r: { listeners: [{ portMapping: { port: 80, protocol: tcp } }] } }
            """
        let loaded = DefinitionLoader.load(text: text, name: "m.yaml")
        #expect(loaded.diagnostics == [])
        let router = loaded.definitions.meshes["m"]?.virtualRouters["r"]
        #expect(router?.routes.count == 1)
        #expect(router?.spec.listeners?.count == 1)
    }

    @Test func `does not say of a text which files exist`() {
        let text = "local: { certificates: { a: { certificateChain: /nowhere, privateKey: /etc/hostname } } }"
        #expect(DefinitionLoader.load(text: text, name: "x.yaml").diagnostics == [])
    }

    @Test func `does not let a text import files`() {
        let text = "imports: [{ file: /etc/hostname, mesh: m, kind: mesh }]"
        #expect(DefinitionLoader.load(text: text, name: "x.yaml").diagnostics.map(\.code) == ["no-imports"])
    }

    @Test func `knows the place of every field and of its nearest ancestor`() {
        let text = """
            mesh: m
            virtualNodes:
              blue:
                listeners:
                  - portMapping:
                      port: 8080
                      protocol: http
                serviceDiscovery: { dns: { hostname: a } }
            local:
              nodes: { blue: { instances: [{ app: 127.0.0.1:80 }] } }
              paths: { /keys.d: ./keys }
            """
        let sources = DefinitionLoader.load(text: text, name: "m.yaml").sources
        let blue = ResourceKey.virtualNode("blue", mesh: "m")
        let places = [
            sources.position(blue), sources.position(blue, "listeners"), sources.position(blue, "listeners[0]"),
            sources.position(blue, "listeners[0].portMapping.port"), sources.position(blue, "listeners[0].tls.mode"),
            sources.position(blue, "logging"), sources.position(.local(mesh: "m"), "nodes.blue.instances[0].app"),
            sources.position(.local(), #"paths["/keys.d"]"#), sources.position(.local(), #"paths["/other.d"]"#),
        ].map { $0.map { [$0.line, $0.column] } }
        #expect(
            places == [[3, 3], [4, 5], [5, 9], [6, 17], [5, 9], [3, 3], [10, 39], [11, 21], [9, 1]])
        #expect(sources.position(.virtualNode("green", mesh: "m"), "listeners") == nil)
    }
}
