import Testing

@testable import ControlPlane

@Suite("Tracing as App Mesh's image was told about it")
struct TracingVariablesTests {
    @Test("Nothing set is the image's defaults")
    func nothing() throws {
        let variables = ImageVariables { $0 == "XRAY_SAMPLING_RATE" ? "" : nil }
        #expect(try !variables.enablesXRay() && variables.xrayDaemon() == .ip(host: "127.0.0.1", port: 2_000))
        #expect(try variables.xrayRate() == nil && variables.xraySegmentName() == nil && variables.xrayRulesFile == nil)
        #expect(variables.xrayDetails.isEmpty && variables.ignored.isEmpty)
    }

    @Test("Each variable is understood, and other tracers are named as having no effect")
    func everything() throws {
        let all = [
            "ENABLE_ENVOY_XRAY_TRACING": "1", "XRAY_DAEMON_PORT": "2001", "XRAY_SAMPLING_RATE": "1.00",
            "XRAY_SAMPLING_RULE_MANIFEST": "/rules.json", "XRAY_SEGMENT_NAME": "shop/front é",
            "ENVOY_TRACING_CFG_FILE": "/x", "ENABLE_ENVOY_DATADOG_TRACING": "true",
        ]
        let variables = ImageVariables { all[$0] }
        #expect(try variables.enablesXRay() && variables.xrayDaemon() == .ip(host: "127.0.0.1", port: 2_001))
        #expect(try variables.xrayRate() == 1 && variables.xraySegmentName() == "shop/front é")
        #expect(variables.xrayRulesFile == "/rules.json")
        #expect(variables.ignored == ["ENABLE_ENVOY_DATADOG_TRACING", "ENVOY_TRACING_CFG_FILE"])
        #expect(
            variables.xrayDetails == [
                "XRAY_DAEMON_PORT", "XRAY_SAMPLING_RATE", "XRAY_SAMPLING_RULE_MANIFEST", "XRAY_SEGMENT_NAME",
            ])
    }

    @Test(
        "AWS_XRAY_DAEMON_ADDRESS in all its forms",
        arguments: [
            ("10.0.0.1:3000", "10.0.0.1", 3_000), ("10.0.0.1", "10.0.0.1", 2_001), ("[::1]:3000", "::1", 3_000),
            ("::1", "::1", 2_001), ("tcp:10.0.0.1:1 udp:10.0.0.2:2", "10.0.0.2", 2),
            ("udp:10.0.0.2:2 tcp:10.0.0.1:1", "10.0.0.2", 2), ("localhost", "127.0.0.1", 2_001),
        ])
    func daemon(_ text: String, _ host: String, _ port: Int) throws {
        let all = ["AWS_XRAY_DAEMON_ADDRESS": text, "XRAY_DAEMON_PORT": "2001"]
        #expect(try ImageVariables { all[$0] }.xrayDaemon() == .ip(host: host, port: port))
    }

    @Test(
        "A value that cannot be used is refused by its variable's name",
        arguments: [
            ("ENABLE_ENVOY_XRAY_TRACING", "yes"), ("XRAY_DAEMON_PORT", "0"), ("XRAY_DAEMON_PORT", "udp"),
            ("XRAY_SAMPLING_RATE", "5"), ("XRAY_SAMPLING_RATE", "-0.1"), ("XRAY_SAMPLING_RATE", "nan"),
            ("XRAY_SAMPLING_RATE", "5%"), ("XRAY_SEGMENT_NAME", "a(b)"),
            ("XRAY_SEGMENT_NAME", String(repeating: "n", count: 201)), ("AWS_XRAY_DAEMON_ADDRESS", "xray.local:2000"),
            ("AWS_XRAY_DAEMON_ADDRESS", "10.0.0.1:0"), ("AWS_XRAY_DAEMON_ADDRESS", "2000"),
            ("AWS_XRAY_DAEMON_ADDRESS", " "), ("AWS_XRAY_DAEMON_ADDRESS", "unix:/x"),
        ])
    func refused(_ name: String, _ value: String) {
        let variables = ImageVariables { $0 == name ? value : nil }
        let error = #expect(throws: ImageVariables.Invalid.self) {
            _ = try (variables.enablesXRay(), variables.xrayDaemon(), variables.xrayRate(), variables.xraySegmentName())
        }
        #expect(error?.description.hasPrefix(name) == true)
    }
}

@Suite("Files of sampling rules")
struct SamplingRuleFileTests {
    @Test("A whole file is read; patterns that are not there fit everything")
    func whole() throws {
        let rules = try SamplingRuleFile.parse(
            """
            {"version": 2, "default": {"fixed_target": 1, "rate": 0.1}, "rules": [
              {"description": "moves", "host": "*", "http_method": "PUT", "url_path": "/api/*", "fixed_target": 0, "rate": 1},
              {"fixed_target": 3, "rate": 0.05}]}
            """)
        #expect(
            rules
                == SamplingRules(
                    rules: [
                        SamplingRule(method: "PUT", path: "/api/*", fixedTarget: 0, rate: 1),
                        SamplingRule(fixedTarget: 3, rate: 0.05),
                    ], standard: SamplingRule(fixedTarget: 1, rate: 0.1)))
        #expect(try SamplingRuleFile.parse(#"{"version":2,"default":{"fixed_target":0,"rate":0}}"#).rules.isEmpty)
    }

    @Test(
        "What is not understood is refused, with its place",
        arguments: [
            ("", "not JSON"), ("[]", "the document"),
            (#"{"version":1,"default":{"fixed_target":1,"rate":0}}"#, "version"),
            (#"{"version":2}"#, "there is no default rule"),
            (#"{"version":2,"default":{"fixed_target":-1,"rate":0}}"#, "default.fixed_target"),
            (#"{"version":2,"default":{"fixed_target":1.5,"rate":0}}"#, "default.fixed_target"),
            (#"{"version":2,"default":{"fixed_target":1,"rate":1.1}}"#, "default.rate"),
            (#"{"version":2,"default":{"fixed_target":1,"rate":"0"}}"#, "default.rate"),
            (#"{"version":2,"default":{"fixed_target":1,"rate":0,"host":"*"}}"#, "default: unknown key 'host'"),
            (#"{"version":2,"default":{"fixed_target":1,"rate":0},"rules":{}}"#, "rules"),
            (#"{"version":2,"default":{"fixed_target":1,"rate":0},"rules":[1]}"#, "rules[0]"),
            (#"{"version":2,"default":{"fixed_target":1,"rate":0},"rules":[{"rate":0}]}"#, "rules[0].fixed_target"),
            (
                #"{"version":2,"default":{"fixed_target":1,"rate":0},"rules":[{"fixed_target":1,"rate":0,"service_name":"x"}]}"#,
                "rules[0]: unknown key 'service_name'"
            ),
            (
                #"{"version":2,"default":{"fixed_target":1,"rate":0},"rules":[{"fixed_target":1,"rate":0,"host":1}]}"#,
                "rules[0].host"
            ),
        ])
    func refused(_ text: String, _ place: String) {
        let error = #expect(throws: SamplingRuleFile.Invalid.self) { try SamplingRuleFile.parse(text) }
        #expect(error?.description.hasPrefix(place) == true, "\(error?.description ?? "")")
    }
}
