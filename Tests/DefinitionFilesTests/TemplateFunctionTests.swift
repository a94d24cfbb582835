// The intrinsic functions, by a table of expressions: each stands where a node's hostname stands, so that what a function gives is
// what the definitions get.

import Definitions
import Foundation
import Testing

@testable import DefinitionFiles

@Suite struct TemplateFunctionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var expression: String
        /// The hostname, or nil if the expression is refused.
        var value: String?
        /// The one finding, if it is.
        var code: String?

        init(_ expression: String, _ value: String) { (self.expression, self.value) = (expression, value) }

        init(_ expression: String, refused code: String) { (self.expression, self.code) = (expression, code) }

        var testDescription: String { expression }
    }

    static let values: [Case] = [
        // Ref
        Case("!Ref Text", "blue"), Case("{ Ref: Text }", "blue"), Case("!Ref 'Text'", "blue"),
        Case("!Ref Number", "8080"), Case("!Ref Given", "from --var"), Case("!Ref Overridden", "from --var too"),
        Case("!Ref AWS::Region", "us-east-1"), Case("!Ref AWS::AccountId", "000000000000"),
        Case("!Ref AWS::Partition", "aws"), Case("!Ref AWS::URLSuffix", "amazonaws.com"),
        Case("!Ref AWS::StackName", "mesh"), Case("!Ref Bucket", "a-bucket"),
        Case("!Ref Mesh", "arn:aws:appmesh:us-east-1:000000000000:mesh/m"),
        Case("!Ref Route", "arn:aws:appmesh:us-east-1:000000000000:mesh/m/virtualRouter/r/route/all"),
        Case("!Ref Nope", refused: "undefined-reference"), Case("!Ref AWS::Nope", refused: "undefined-reference"),
        Case("!Ref NoDefault", refused: "unknown-variable"), Case("!Ref Queue", refused: "unknown-variable"),
        Case("!Ref LookedUp", refused: "unknown-variable"), Case("!Ref AWS::StackId", refused: "unknown-variable"),
        Case("!Ref [Text]", refused: "bad-function"), Case("!Ref", refused: "bad-function"),
        Case("{ Ref: !Ref Text }", refused: "bad-function"), Case("!Ref NotAllowed", refused: "unknown-value"),
        Case("!Ref TooLong", refused: "out-of-range"), Case("!Ref TooLarge", refused: "out-of-range"),
        Case("!Ref NotNumber", refused: "wrong-type"), Case("!Ref Untyped", refused: "missing-key"),
        Case("!Ref List", refused: "wrong-type"),
        // Fn::GetAtt
        Case("!GetAtt Mesh.MeshName", "m"), Case("!GetAtt [Mesh, MeshName]", "m"),
        Case("{ Fn::GetAtt: Mesh.MeshName }", "m"), Case("{ Fn::GetAtt: [Mesh, !Ref AttributeName] }", "m"),
        Case("!GetAtt Mesh.Arn", "arn:aws:appmesh:us-east-1:000000000000:mesh/m"),
        Case("!GetAtt Mesh.MeshOwner", "000000000000"), Case("!GetAtt Mesh.ResourceOwner", "000000000000"),
        Case("!GetAtt Route.MeshOwner", "123456789012"), Case("!GetAtt Route.RouteName", "all"),
        Case("!GetAtt Route.VirtualRouterName", "r"), Case("!GetAtt Unnamed.VirtualRouterName", "Unnamed"),
        Case("!GetAtt Unnamed.Arn", "arn:aws:appmesh:us-east-1:000000000000:mesh/m/virtualRouter/Unnamed"),
        Case("!GetAtt Bucket.Outputs.Deep.Name", "given for a path"),
        Case("!GetAtt Mesh.Uid", refused: "unknown-variable"),
        Case("!GetAtt Queue.Arn", refused: "unknown-variable"),
        Case("!GetAtt Nope.Arn", refused: "undefined-reference"),
        Case("!GetAtt Mesh.Nope", refused: "undefined-reference"),
        Case("!GetAtt Absent.MeshName", refused: "undefined-reference"), Case("!GetAtt Mesh", refused: "bad-function"),
        Case("!GetAtt [Mesh]", refused: "bad-function"), Case("!GetAtt { a: b }", refused: "bad-function"),
        // Fn::Sub
        Case("!Sub plain", "plain"), Case("!Sub '${Text}.local'", "blue.local"),
        Case("!Sub '${Text}${Text}'", "blueblue"),
        Case("!Sub '${AWS::Region}-${AWS::StackName}'", "us-east-1-mesh"), Case("!Sub '${Mesh.MeshName}'", "m"),
        Case("!Sub '${!Text} $Text ${'", "${Text} $Text ${"), Case("!Sub 'a}${Text}'", "a}blue"),
        Case("!Sub ['${A}-${Text}', { A: !Ref Number }]", "8080-blue"),
        Case("!Sub ['${Text}', { Text: own }]", "own"), Case("!Sub ['${A.B}', { A.B: dotted }]", "dotted"),
        Case("{ Fn::Sub: '${Text}' }", "blue"), Case("{ Fn::Sub: ['${x}', { x: { Fn::Sub: '${Text}' } }] }", "blue"),
        Case("!Sub '${Bucket.Outputs.Deep.Name}'", "given for a path"), Case("!Sub 7", "7"),
        Case("!Sub '${Nope}'", refused: "undefined-reference"), Case("!Sub '${}'", refused: "bad-function"),
        Case("!Sub '${a b}'", refused: "bad-function"), Case("!Sub '${NoDefault}'", refused: "unknown-variable"),
        Case("!Sub '${List}'", refused: "wrong-type"), Case("!Sub [a]", refused: "bad-function"),
        Case("!Sub [!Ref Text, {}]", refused: "bad-function"), Case("!Sub { a: b }", refused: "bad-function"),
        // Fn::Join, Fn::Select, Fn::Split
        Case("!Join ['.', [a, !Ref Text, 7]]", "a.blue.7"), Case("!Join ['', [a, b]]", "ab"),
        Case("!Join ['-', []]", ""),
        Case("!Join ['+', !Ref List]", "a+b+c"), Case("!Join [',', !Split ['-', 1-2-3]]", "1,2,3"),
        Case("!Join ['.', [a, !Ref AWS::NoValue, b]]", "a.b"), Case("{ Fn::Join: ['.', [a, b]] }", "a.b"),
        Case("!Join ['.', a]", refused: "wrong-type"), Case("!Join ['.', [[a]]]", refused: "wrong-type"),
        Case("!Join [a]", refused: "bad-function"), Case("!Join x", refused: "bad-function"),
        Case("!Select [1, [a, b]]", "b"), Case("!Select ['0', !Ref List]", "a"),
        Case("!Select [2, !Split ['.', a.b.c]]", "c"), Case("!Select [!Ref Index, [a, b]]", "b"),
        Case("!Select [2, [a, b]]", refused: "bad-function"), Case("!Select [-1, [a]]", refused: "bad-function"),
        Case("!Select [x, [a]]", refused: "bad-function"), Case("!Select [0, a]", refused: "wrong-type"),
        Case("!Select [99999999999999999999, [a]]", refused: "bad-function"),
        Case("!Select [0, !Split ['|', 'no separator']]", "no separator"),
        Case("!Select [1, !Split ['', abc]]", refused: "bad-function"),
        Case("!Split ['.', a.b]", refused: "wrong-type"),
        // Conditions
        Case("!If [IsBlue, yes, no]", "yes"), Case("!If [IsGreen, yes, no]", "no"),
        Case("!If [IsNotBlue, yes, no]", "no"),
        Case("!If [BlueOrGreen, yes, no]", "yes"), Case("!If [BlueAndGreen, yes, no]", "no"),
        Case("!If [Nested, yes, no]", "yes"), Case("!If [ByNumber, yes, no]", "yes"),
        Case("!If [ByList, yes, no]", "yes"), Case("{ Fn::If: [IsBlue, !Ref Text, !Ref Nope] }", "blue"),
        Case("!If [IsBlue, yes, !Cidr [a, b, c]]", "yes"), Case("!If [Nope, a, b]", refused: "undefined-reference"),
        Case("!If [!Equals [a, a], a, b]", refused: "bad-function"), Case("!If [IsBlue, a]", refused: "bad-function"),
        Case("!If [Unknown, a, b]", refused: "unknown-variable"),
        Case("!If [NotACondition, a, b]", refused: "bad-function"),
        Case("!If [Scalar, a, b]", refused: "wrong-type"), Case("!If [OneOperand, a, b]", refused: "bad-function"),
        Case("!Equals [a, a]", refused: "bad-function"), Case("!Condition IsBlue", refused: "bad-function"),
        // Fn::FindInMap
        Case("!FindInMap [Colors, blue, name]", "azure"), Case("!FindInMap [Colors, !Ref Text, name]", "azure"),
        Case("!Select [1, !FindInMap [Colors, blue, list]]", "y"), Case("!FindInMap [Colors, blue, number]", "7"),
        Case("!FindInMap [Nope, a, b]", refused: "undefined-reference"),
        Case("!FindInMap [Colors, red, name]", refused: "undefined-reference"),
        Case("!FindInMap [Colors, blue, nam]", refused: "undefined-reference"),
        Case("!FindInMap [Colors, blue]", refused: "bad-function"),
        Case("!FindInMap [Colors, blue, map]", refused: "wrong-type"),
        // Fn::ImportValue, Fn::Base64
        Case("!ImportValue an-export", "exported"), Case("!ImportValue other", refused: "unknown-variable"),
        Case("{ Fn::ImportValue: !Sub 'an-${Word}' }", "exported"), Case("!ImportValue [a]", refused: "wrong-type"),
        Case("!Base64 blue", "Ymx1ZQ=="), Case("!Base64 ''", ""), Case("{ Fn::Base64: !Ref Text }", "Ymx1ZQ=="),
        Case("!Base64 [a]", refused: "wrong-type"),
        // The rest
        Case("!Cidr [10.0.0.0/8, 1, 8]", refused: "unsupported-function"),
        Case("!GetAZs us-east-1", refused: "unsupported-function"),
        Case("!Transform { Name: x }", refused: "unsupported-function"),
        Case("{ Fn::Length: [a] }", refused: "unsupported-function"),
        Case("{ Fn::ToJsonString: { a: b } }", refused: "unsupported-function"),
        Case("!Subb x", refused: "unknown-function"), Case("{ Fn::Nope: x }", refused: "unknown-function"),
    ]

    static func template(_ expression: String) -> String {
        """
        Parameters:
          Text: { Type: String, Default: blue }
          Word: { Type: String, Default: export }
          Number: { Type: Number, Default: 8080, MinValue: 1, MaxValue: 65535 }
          Index: { Type: Number, Default: 1 }
          AttributeName: { Type: String, Default: MeshName }
          List: { Type: CommaDelimitedList, Default: "a, b,c" }
          Given: { Type: String, MinLength: 3, MaxLength: 20 }
          Overridden: { Type: String, Default: own }
          NoDefault: { Type: String }
          LookedUp: { Type: "AWS::SSM::Parameter::Value<String>", Default: /a/path }
          NotAllowed: { Type: String, Default: c, AllowedValues: [a, b] }
          TooLong: { Type: String, Default: abc, MaxLength: 2 }
          TooLarge: { Type: Number, Default: 3, MaxValue: 2 }
          NotNumber: { Type: Number, Default: x }
          Untyped: { Default: x }
        Mappings:
          Colors: { blue: { name: azure, list: [x, y], number: 7, map: { a: b } } }
        Conditions:
          IsBlue: !Equals [!Ref Text, blue]
          IsGreen: { Fn::Equals: [{ Ref: Text }, green] }
          IsNotBlue: !Not [!Condition IsBlue]
          BlueOrGreen: !Or [!Condition IsGreen, { Condition: IsBlue }]
          BlueAndGreen: !And [!Condition IsGreen, !Condition IsBlue]
          Nested: !Not [!And [!Or [!Equals [a, b], !Equals [c, d]], !Condition IsBlue]]
          ByNumber: !Equals [8080, !Ref Number]
          ByList: !Equals [!Ref List, [a, b, c]]
          Unknown: !Equals [!Ref NoDefault, a]
          NotACondition: !Sub x
          Scalar: "true"
          OneOperand: !Or [!Equals [a, a]]
        Resources:
          Bucket: { Type: AWS::S3::Bucket }
          Queue: { Type: AWS::SQS::Queue }
          Mesh: { Type: AWS::AppMesh::Mesh, Properties: { MeshName: m } }
          Route:
            Type: AWS::AppMesh::Route
            Properties: { MeshName: m, MeshOwner: 123456789012, VirtualRouterName: r, RouteName: all, Spec: { TcpRoute: { Action: { WeightedTargets: [{ VirtualNode: n, Weight: 1 }] } } } }
          Unnamed: { Type: AWS::AppMesh::VirtualRouter, Properties: { MeshName: m, Spec: {} } }
          Named: { Type: AWS::AppMesh::VirtualRouter, Properties: { MeshName: m, VirtualRouterName: r, Spec: {} } }
          Absent: { Type: AWS::AppMesh::VirtualRouter, Condition: IsGreen, Properties: { MeshName: m, Spec: {} } }
          Node:
            Type: AWS::AppMesh::VirtualNode
            Properties:
              MeshName: m
              VirtualNodeName: n
              Spec:
                ServiceDiscovery:
                  DNS:
                    Hostname: \(expression)
        """
    }

    static let variables = [
        "Given": "from --var", "Overridden": "from --var too", "Bucket": "a-bucket", "an-export": "exported",
        "Bucket.Outputs.Deep.Name": "given for a path", "Text ": "never",
    ]

    private func check(_ loaded: LoadedDefinitions, _ expected: Case) {
        let found = loaded.diagnostics.filter { $0.severity == .error }
        if let code = expected.code {
            #expect(found.map(\.code) == [code])
        } else {
            #expect(found == [])
            let discovery = loaded.definitions.meshes["m"]?.virtualNodes["n"]?.serviceDiscovery
            #expect(discovery == .dns(DnsServiceDiscovery(hostname: expected.value ?? "")))
        }
    }

    @Test(arguments: values)
    func `gives what CloudFormation gives`(expected: Case) {
        check(
            DefinitionLoader.load(
                text: Self.template(expected.expression), name: "mesh.yaml", variables: Self.variables), expected)
    }

    @Test(arguments: values)
    func `gives the same in the long forms of JSON`(expected: Case) throws {
        // Without its tag it is a map like any other.
        if expected.expression.hasPrefix("!Condition") { return }
        let json = try #require(TemplateJSON.value(of: Self.template(expected.expression))).json(indented: true)
        check(DefinitionLoader.load(text: json, name: "mesh.json", variables: Self.variables), expected)
    }

    @Test func `points at the use of a function`() {
        let refused = Self.values.filter { $0.code != nil && !$0.expression.contains("If [") }
        for expected in refused {
            let text = Self.template(expected.expression)
            let found = DefinitionLoader.load(text: text, name: "mesh.yaml", variables: Self.variables).diagnostics
            let line = found.first { $0.severity == .error }?.position?.line ?? 0
            let lines = text.components(separatedBy: "\n")
            // What is wrong with a parameter or a mapping is said there.
            let parameters = 2...16
            let isParameter = parameters.contains(line) && expected.expression.hasPrefix("!Ref")
            let isMapping = line == 18 && expected.expression.hasSuffix("map]")
            #expect(line == lines.count || isParameter || isMapping, "\(expected.expression): \(line)")
        }
    }

    @Test(arguments: [
        ("cn-north-1", "arn:aws-cn:x:cn-north-1:amazonaws.com.cn"),
        ("us-gov-west-1", "arn:aws-us-gov:x:us-gov-west-1:amazonaws.com"),
        ("eu-west-1", "arn:aws:x:eu-west-1:amazonaws.com"),
    ])
    func `knows the partition of a region`(region: String, expected: String) {
        let text = Self.template("!Sub 'arn:${AWS::Partition}:x:${AWS::Region}:${AWS::URLSuffix}'")
        let loaded = DefinitionLoader.load(text: text, name: "mesh.yaml", variables: ["AWS::Region": region])
        check(loaded, Case("", expected))
    }

    @Test func `asks for each name once, however often it is used`() {
        let text = Self.template("!Sub '${NoDefault}${NoDefault}${Queue.Arn}${Queue.Arn}'")
        let found = DefinitionLoader.load(text: text, name: "mesh.yaml").diagnostics.filter { $0.severity == .error }
        #expect(
            found.map(\.suggestion) == [
                "give it one with `--var NoDefault=VALUE`", "give it one with `--var Queue.Arn=VALUE`",
            ])
    }

    @Test func `takes numbers and booleans for texts and texts for numbers and booleans`() throws {
        let template = """
            { "Resources": { "Gateway": { "Type": "AWS::AppMesh::VirtualGateway", "Properties": { "MeshName": "m",
              "VirtualGatewayName": 7, "Spec": { "Listeners": [ { "PortMapping": { "Port": "8080", "Protocol": "http" } } ],
              "BackendDefaults": { "ClientPolicy": { "TLS": { "Enforce": "false", "Validation": { "Trust": { "File": {
              "CertificateChain": 5 } } } } } } } } } } }
            """
        let loaded = DefinitionLoader.load(text: template, name: "m.json")
        #expect(loaded.diagnostics == [])
        let spec = try #require(loaded.definitions.meshes["m"]?.virtualGateways["7"]?.spec)
        #expect(spec.listeners.first?.portMapping.port == 8080)
        #expect(spec.backendDefaults?.clientPolicy?.tls?.enforce == false)
    }

    @Test func `leaves dollar signs of a template alone`() {
        let text = Self.template("!Sub '$Text-${Text}'")
        let loaded = DefinitionLoader.load(text: text, name: "mesh.yaml", variables: ["Text": "red"])
        check(loaded, Case("", "$Text-red"))
    }

    @Test func `reads a template and other documents in one file`() {
        let text = """
            mesh: other
            virtualNodes: { a: { serviceDiscovery: { dns: { hostname: $HOST } } } }
            ---
            Resources: { Mesh: { Type: AWS::AppMesh::Mesh, Properties: { MeshName: !Sub '${Name}' } } }
            Parameters: { Name: { Type: String } }
            """
        let loaded = DefinitionLoader.load(text: text, name: "m.yaml", variables: ["HOST": "h", "Name": "m"])
        #expect(loaded.diagnostics == [])
        #expect(loaded.definitions.meshes.keys.sorted() == ["m", "other"])
    }
}
