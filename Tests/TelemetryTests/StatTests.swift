import Foundation
import Synchronization
import Telemetry
import Testing

@Suite struct Statistics {
    private let cluster = StatKey.cluster("cds_egress_colors_blue_http_8080", proxy: "colors/front")

    @Test func countersAreAddedUpOverWorkers() {
        let store = StatStore(workers: 3)
        for worker in 0..<3 {
            let block = store.counters(cluster, worker: worker)
            block.add(ClusterCounter.upstreamRqTotal, Int64(worker + 1))
            block.add(ClusterCounter.upstreamCxActive, 2)
            block.add(ClusterCounter.upstreamCxActive, -1)
        }
        store.counters(cluster, worker: store.controlWorker).set(ClusterCounter.membershipTotal, 4)
        #expect(store.value(cluster, ClusterCounter.upstreamRqTotal) == 6)
        #expect(store.value(cluster, ClusterCounter.upstreamCxActive) == 3)
        #expect(store.value(cluster, ClusterCounter.membershipTotal) == 4)
        #expect(store.value(.cluster("other", proxy: "p"), ClusterCounter.upstreamRqTotal) == 0)
    }

    @Test func theSameKeyIsTheSameBlockOverSnapshots() {
        let store = StatStore(workers: 2)
        let block = store.counters(cluster, worker: 1)
        #expect(store.counters(cluster, worker: 1) === block)
        #expect(store.counters(cluster, worker: 0) !== block)
        #expect(store.counters(.cluster(cluster.name, proxy: "colors/back"), worker: 1) !== block)
        #expect(
            store.histogram(cluster, .upstreamRqTime, worker: 1)
                === store.histogram(cluster, .upstreamRqTime, worker: 1))
        store.remove { $0.proxy == "colors/front" }
        block.add(ClusterCounter.upstreamRqTotal)
        #expect(store.lines(proxy: "colors/front").isEmpty)
        #expect(store.lines(proxy: "colors/back").isEmpty == false)
    }

    @Test func readersNeverSeeACounterGoBack() {
        let store = StatStore(workers: 1)
        let block = store.counters(cluster, worker: 0)
        let isDone = Atomic(false)
        let total: Int64 = 300_000
        let started = DispatchSemaphore(value: 0)
        Thread {
            started.signal()
            for _ in 0..<total { block.add(ClusterCounter.upstreamRqTotal) }
            isDone.store(true, ordering: .releasing)
        }.start()
        started.wait()
        var last: Int64 = 0
        while !isDone.load(ordering: .acquiring) {
            let now = store.value(cluster, ClusterCounter.upstreamRqTotal)
            if now < last { Issue.record("\(now) after \(last)") }
            last = now
        }
        #expect(store.value(cluster, ClusterCounter.upstreamRqTotal) == total)
    }

    @Test(arguments: [
        ("upstream_rq_total", false), ("upstream_rq_2xx", false), ("upstream_rq_per_try_timeout", false),
        ("upstream_cx_connect_fail", false), ("upstream_cx_active", true), ("upstream_cx_http1_total", false),
        ("upstream_rq_pending_overflow", false), ("circuit_breakers.default.rq_pending_open", true),
        ("outlier_detection.ejections_active", true), ("outlier_detection.ejections_enforced_consecutive_5xx", false),
        ("health_check.network_failure", false), ("membership_healthy", true), ("lb_healthy_panic", false),
        ("retry_or_shadow_abandoned", false), ("upstream_rq_retry_backoff_exponential", false),
        ("upstream_cx_destroy_remote_with_active_rq", false), ("upstream_cx_rx_bytes_total", false),
        ("upstream_flow_control_paused_reading_total", false), ("upstream_rq_rx_reset", false),
    ])
    func clusterNamesAreEnvoys(_ name: String, _ isGauge: Bool) throws {
        let counter = try #require(ClusterCounter.allCases.first { $0.name == name })
        #expect(counter.isGauge == isGauge)
    }

    @Test(arguments: [
        "downstream_rq_total", "downstream_rq_5xx", "downstream_rq_ws_on_non_ws_route", "no_route", "no_cluster",
        "downstream_cx_protocol_error", "downstream_rq_http1_total", "downstream_cx_http1_active", "rq_direct_response",
        "downstream_rq_response_before_rq_complete", "downstream_cx_delayed_close_timeout",
        "downstream_rq_header_timeout",
        "downstream_rq_failed_path_normalization", "downstream_rq_rx_reset",
    ])
    func httpNamesAreEnvoys(_ name: String) {
        #expect(HTTPCounter.allCases.contains { $0.name == name })
    }

    @Test func noTwoCountersOfASetShareAName() {
        #expect(Set(ClusterCounter.allCases.map(\.name)).count == ClusterCounter.allCases.count)
        #expect(Set(HTTPCounter.allCases.map(\.name)).count == HTTPCounter.allCases.count)
        #expect(Set(ListenerCounter.allCases.map(\.name)).count == ListenerCounter.allCases.count)
        #expect(Set(EndpointCounter.allCases.map(\.name)).count == EndpointCounter.allCases.count)
        #expect(Set(ProcessCounter.allCases.map(\.name)).count == ProcessCounter.allCases.count)
    }

    @Test(arguments: [(200, "2xx"), (101, "1xx"), (301, "3xx"), (404, "4xx"), (503, "5xx"), (599, "5xx")])
    func anAnswerIsCountedByClassAndStatus(_ status: Int, _ name: String) throws {
        let store = StatStore(workers: 1)
        store.counters(cluster, worker: 0).countUpstreamStatus(status)
        store.counters(.http("egress", proxy: "colors/front"), worker: 0).countDownstreamStatus(status)
        let text = store.renderText(usedOnly: true, proxy: "colors/front")
        #expect(
            text == """
                cluster.cds_egress_colors_blue_http_8080.upstream_rq_\(status): 1
                cluster.cds_egress_colors_blue_http_8080.upstream_rq_\(name): 1
                cluster.cds_egress_colors_blue_http_8080.upstream_rq_completed: 1
                http.egress.downstream_rq_\(name): 1
                http.egress.downstream_rq_completed: 1

                """)
    }

    @Test(arguments: [0, 99, 600, -1, Int.max, Int.min])
    func aStatusOutOfRangeIsNoAnswer(_ status: Int) {
        let store = StatStore(workers: 1)
        store.counters(cluster, worker: 0).countUpstreamStatus(status)
        #expect(store.lines().filter(\.isUsed).isEmpty)
    }

    @Test func textIsEnvoysAndLabelledWhenSeveralProxiesAreShown() {
        let store = StatStore(workers: 1)
        store.counters(.listener("127.16.0.2:8080", proxy: "colors/front"), worker: 0)
            .add(ListenerCounter.downstreamCxTotal, 9)
        store.counters(.listener("[::1]:80", proxy: "colors/blue#0"), worker: 0).add(ListenerCounter.downstreamCxActive)
        store.counters(.listener("[::1]:80", proxy: "colors/blue#0"), worker: 0).add(
            ListenerCounter.downstreamCxActive, -1)
        store.counters(.server(), worker: 1).set(ProcessCounter.serverLive, 1)
        store.counters(.endpoint("colors/blue#0", cluster: "c", proxy: "colors/front"), worker: 0)
            .add(EndpointCounter.rqTotal)
        #expect(
            store.renderText(usedOnly: true) == """
                server.live: 1
                listener.[__1]_80.downstream_cx_active{proxy="colors/blue#0"}: 0
                listener.127.16.0.2_8080.downstream_cx_total{proxy="colors/front"}: 9

                """)
        #expect(
            store.renderText(filter: { $0.hasSuffix("_total") }, proxy: "colors/front")
                == "listener.127.16.0.2_8080.downstream_cx_total: 9\n")
    }

    @Test func prometheusHasEnvoysNamesTagsAndOneTypePerFamily() {
        let store = StatStore(workers: 2)
        for proxy in ["colors/front", "colors/\"odd\""] {
            let block = store.counters(.cluster("echo", proxy: proxy), worker: 0)
            block.countUpstreamStatus(200)
            block.countUpstreamStatus(503)
            block.add(ClusterCounter.upstreamCxActive, 2)
            store.counters(.http("egress", proxy: proxy), worker: 1).countDownstreamStatus(200)
        }
        #expect(
            store.renderPrometheus(usedOnly: true) == #"""
                # TYPE envoy_cluster_upstream_cx_active gauge
                envoy_cluster_upstream_cx_active{envoy_cluster_name="echo",proxy="colors/\"odd\""} 2
                envoy_cluster_upstream_cx_active{envoy_cluster_name="echo",proxy="colors/front"} 2
                # TYPE envoy_cluster_upstream_rq counter
                envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="echo",proxy="colors/\"odd\""} 1
                envoy_cluster_upstream_rq{envoy_response_code="503",envoy_cluster_name="echo",proxy="colors/\"odd\""} 1
                envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="echo",proxy="colors/front"} 1
                envoy_cluster_upstream_rq{envoy_response_code="503",envoy_cluster_name="echo",proxy="colors/front"} 1
                # TYPE envoy_cluster_upstream_rq_completed counter
                envoy_cluster_upstream_rq_completed{envoy_cluster_name="echo",proxy="colors/\"odd\""} 2
                envoy_cluster_upstream_rq_completed{envoy_cluster_name="echo",proxy="colors/front"} 2
                # TYPE envoy_cluster_upstream_rq_xx counter
                envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="echo",proxy="colors/\"odd\""} 1
                envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name="echo",proxy="colors/\"odd\""} 1
                envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="echo",proxy="colors/front"} 1
                envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name="echo",proxy="colors/front"} 1
                # TYPE envoy_http_downstream_rq_completed counter
                envoy_http_downstream_rq_completed{envoy_http_conn_manager_prefix="egress",proxy="colors/\"odd\""} 1
                envoy_http_downstream_rq_completed{envoy_http_conn_manager_prefix="egress",proxy="colors/front"} 1
                # TYPE envoy_http_downstream_rq_xx counter
                envoy_http_downstream_rq_xx{envoy_response_code_class="2",envoy_http_conn_manager_prefix="egress",proxy="colors/\"odd\""} 1
                envoy_http_downstream_rq_xx{envoy_response_code_class="2",envoy_http_conn_manager_prefix="egress",proxy="colors/front"} 1

                """#)
        let all = store.renderPrometheus().split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
        #expect(Set(all).count == all.count)
    }

    @Test func everyMetricHasANameThatPrometheusTakes() {
        let store = StatStore(workers: 1)
        let keys: [StatKey] = [
            .cluster("c", proxy: "p"), .http("egress", proxy: "p"), .listener("127.0.0.1_8080", proxy: "p"), .server(),
        ]
        for key in keys { _ = store.counters(key, worker: 0) }
        let names = store.renderPrometheus().split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
            .map { String($0.split(separator: " ")[2]) }
        #expect(names.count > 100)
        #expect(names.filter { $0.wholeMatch(of: /[a-zA-Z_][a-zA-Z0-9_]*/) == nil } == [])
        // Envoy takes the class out of requests only.
        #expect(names.contains("envoy_cluster_upstream_rq_xx"))
        #expect(names.contains("envoy_cluster_outlier_detection_ejections_enforced_consecutive_5xx"))
    }
}

@Suite struct Histograms {
    private let key = StatKey.http("egress", proxy: "colors/front")

    @Test func prometheusBucketsAreExactAtEnvoysBounds() {
        let store = StatStore(workers: 2)
        let milliseconds: [Int64: Int] = [0: 3, 1: 2, 5: 1, 24: 1, 25: 1, 3_599_999: 1, 3_600_000: 1]
        for (value, times) in milliseconds {
            for index in 0..<times {
                store.histogram(key, .downstreamRqTime, worker: index % 2).record(nanoseconds: value * 1_000_000)
            }
        }
        let text = store.renderPrometheus(proxy: "colors/front")
        func bucket(_ bound: String) -> String {
            "envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix=\"egress\",proxy=\"colors/front\",le=\"\(bound)\"}"
        }
        // A value on a bound belongs to the bucket above it, as in Envoy's own histograms.
        for (bound, count) in [
            ("0.5", 3), ("1", 3), ("5", 5), ("10", 6), ("25", 7), ("50", 8), ("3600000", 9), ("+Inf", 10),
        ] {
            #expect(text.contains("\(bucket(bound)) \(count)\n"), "\(bound)")
        }
        #expect(text.contains("# TYPE envoy_http_downstream_rq_time histogram\n"))
        #expect(
            text.contains(
                "envoy_http_downstream_rq_time_sum{envoy_http_conn_manager_prefix=\"egress\",proxy=\"colors/front\"} 7200055\n"
            ))
        #expect(
            text.contains(
                "envoy_http_downstream_rq_time_count{envoy_http_conn_manager_prefix=\"egress\",proxy=\"colors/front\"} 10\n"
            ))
        #expect(text.split(separator: "\n").filter { $0.contains("_bucket{") }.count == 20)
    }

    @Test func percentilesAreOffByATenthAtMost() throws {
        let store = StatStore(workers: 1)
        let histogram = store.histogram(key, .downstreamRqTime, worker: 0)
        for microseconds: Int64 in 1...100_000 { histogram.record(nanoseconds: microseconds * 1000) }
        let values = store.distribution(key, .downstreamRqTime)
        #expect(values.count == 100_000)
        for (percentile, expected) in [(1.0, 1.0), (25, 25), (50, 50), (90, 90), (99, 99), (99.9, 99.9), (100, 100)] {
            let value = try #require(values.value(percentile: percentile))
            #expect(abs(value - expected) / expected < 0.1001, "P\(percentile) \(value)")
        }
    }

    @Test(arguments: [Int64.min, -1, 0, 1, 999, Int64.max])
    func anyNumberIsRecorded(_ nanoseconds: Int64) {
        let store = StatStore(workers: 1)
        store.histogram(key, .downstreamRqTime, worker: 0).record(nanoseconds: nanoseconds)
        #expect(store.distribution(key, .downstreamRqTime).count == 1)
    }

    @Test func textShowsTheLastIntervalBesideTheTotal() {
        let store = StatStore(workers: 1)
        let histogram = store.histogram(key, .downstreamRqTime, worker: 0)
        #expect(store.renderText(proxy: "colors/front") == "http.egress.downstream_rq_time: No recorded values\n")
        #expect(store.renderText(usedOnly: true, proxy: "colors/front").isEmpty)
        for _ in 0..<4 { histogram.record(nanoseconds: 10_000_000) }
        #expect(
            store.renderText(proxy: "colors/front").hasPrefix(
                "http.egress.downstream_rq_time: P0(nan,10) P25(nan,10.25) "))
        store.endInterval()
        for _ in 0..<4 { histogram.record(nanoseconds: 20_000_000) }
        #expect(store.renderText(proxy: "colors/front").contains("P0(10,10) "))
        store.endInterval()
        #expect(store.renderText(proxy: "colors/front").contains("P0(20,10) "))
        store.endInterval()
        #expect(store.renderText(proxy: "colors/front").contains(" P100(nan,21)"))
    }
}
