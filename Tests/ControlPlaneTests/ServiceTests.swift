import Compiler
import Glibc
import Testing

@testable import ControlPlane

@Suite("The process fits into service managers and images")
struct ServiceTests {
    @Test(
        "The image's variable names a node or a gateway",
        arguments: [
            ("mesh/colors/virtualNode/blue", "colors/blue#0"),
            ("arn:aws:appmesh:eu-west-1:123456789012:mesh/colors/virtualNode/blue", "colors/blue#0"),
            ("arn:aws-cn:appmesh:cn-north-1:1:mesh/colors@210987654321/virtualGateway/front", "colors/front"),
            ("mesh/colors/virtualGateway/front", "colors/front"),
            ("mesh/colors/virtualRouter/r", nil), ("colors/blue", nil), ("mesh//virtualNode/blue", nil),
            ("arn:aws:ecs:eu-west-1:1:mesh/colors/virtualNode/blue", nil), ("mesh/colors/virtualNode/", nil),
            ("mesh/colors/virtualNode/blue/x", nil),
        ] as [(String, String?)])
    func resource(_ text: String, _ expected: String?) {
        let found: String? =
            switch ImageVariables.resource(text) {
            case .node(let node): "\(node)"
            case .gateway(let gateway): "\(gateway)"
            case nil: nil
            }
        #expect(found == expected)
    }

    @Test("The image's variables are read, the newer name winning")
    func variables() throws {
        let all = [
            "APPMESH_RESOURCE_ARN": "mesh/m/virtualNode/new", "APPMESH_VIRTUAL_NODE_NAME": "mesh/m/virtualNode/old",
            "ENVOY_ADMIN_ACCESS_PORT": "9902", "ENVOY_LOG_LEVEL": "Warn", "ENVOY_CONCURRENCY": "3",
            "LISTENER_DRAIN_WAIT_TIME_S": "7",
        ]
        let variables = ImageVariables { all[$0] }
        #expect(try variables.resource() == .node(NodeSelector(mesh: "m", node: "new")))
        #expect(try variables.adminPort() == 9902)
        #expect(try variables.logLevel() == .warning)
        #expect(try variables.workers() == 3)
        #expect(try variables.drainTime() == .seconds(7))
        #expect(variables.ignored.isEmpty)
        let none = ImageVariables { $0 == "ENVOY_CONCURRENCY" ? "-1" : "" }
        #expect(try none.resource() == nil)
        #expect(try none.workers() == nil)
        #expect(try none.adminPort() == nil)
        #expect(try none.drainTime() == nil)
    }

    @Test("Variables that are set and have no effect are named, those that only reach AWS are not")
    func ignored() {
        let all = [
            "STATSD_PORT": "8125", "ENABLE_ENVOY_DOG_STATSD": "1", "APPMESH_RESOURCE_CLUSTER": "c", "HOME": "/",
            "ENVOY_ADMIN_ACCESS_LOG_FILE": "", "ENVOY_LOG_LEVEL": "info",
        ]
        #expect(ImageVariables { all[$0] }.ignored == ["ENABLE_ENVOY_DOG_STATSD", "STATSD_PORT"])
    }

    @Test(
        "A value that cannot be used is named",
        arguments: [
            ("APPMESH_RESOURCE_ARN", "blue"), ("ENVOY_ADMIN_ACCESS_PORT", "70000"), ("ENVOY_LOG_LEVEL", "loud"),
            ("ENVOY_CONCURRENCY", "many"), ("LISTENER_DRAIN_WAIT_TIME_S", "1"),
        ])
    func wrong(_ name: String, _ value: String) {
        do {
            let variables = ImageVariables { $0 == name ? value : nil }
            _ = try (variables.resource(), variables.adminPort(), variables.logLevel(), variables.workers())
            _ = try variables.drainTime()
            Issue.record("taken")
        } catch {
            #expect(error.description.hasPrefix("\(name) is '\(value)'"))
        }
    }

    @Test("Descriptors are taken over only by the process they are meant for")
    func descriptors() {
        let own = "\(getpid())"
        #expect(SocketActivation.descriptors(count: "2", pid: own) == 3..<5)
        #expect(SocketActivation.descriptors(count: "2", pid: "1").isEmpty)
        #expect(SocketActivation.descriptors(count: nil, pid: own).isEmpty)
        for count in ["0", "-1", "x", "99999999999"] {
            #expect(SocketActivation.descriptors(count: count, pid: own).isEmpty)
        }
    }

    @Test("The watchdog is told twice as often as it asks")
    func watchdog() {
        #expect(Watchdog.interval(microseconds: "2000000", pid: nil) == 1_000_000_000)
        #expect(Watchdog.interval(microseconds: "2000000", pid: "\(getpid())") == 1_000_000_000)
        #expect(Watchdog.interval(microseconds: "2000000", pid: "1") == nil)
        for text in ["0", "-5", "x", "9223372036854775807"] {
            #expect(Watchdog.interval(microseconds: text, pid: nil) == nil)
        }
        #expect(Watchdog.interval(microseconds: nil, pid: nil) == nil)
    }

    @Test("Notifications have the words of the service manager")
    func notifications() {
        #expect(ServiceNotification.ready(status: "x").text == "READY=1\nSTATUS=x")
        #expect(ServiceNotification.reloading.text.hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
        #expect(ServiceNotification.stopping.text == "STOPPING=1")
        #expect(ServiceNotification.watchdog.text == "WATCHDOG=1")
    }
}
