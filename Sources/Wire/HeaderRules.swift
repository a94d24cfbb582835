/// Which fields a proxy may pass on (RFC 9110 7.6, dataplane reference 1.9).
///
/// Fields for one hop end here; framing is added anew by the writer. Connection may name further fields for one hop,
/// but not those that would change what the next hop understands or believes about the message.
public enum HeaderRules {
    /// More options than this in Connection are refused: each costs a walk over all fields.
    public static let connectionOptionsMax = 32

    /// Makes a request head ready to be forwarded.
    ///
    /// Removes Connection and the fields it names, Keep-Alive, Proxy-Connection, Upgrade, HTTP2-Settings,
    /// Transfer-Encoding, Content-Length, TE except for `trailers`, and `Expect: 100-continue`, which the proxy answers itself. A caller
    /// that tunnels an upgrade reads Upgrade before and adds it again.
    /// - Returns: why the request must be refused: Connection names Host, a field of framing, credentials or forwarding,
    ///   or has an option that is not a token. The block is then only partly changed.
    public static func prepareRequest(_ block: HeaderBlock) -> HTTP1Error? {
        if block.contains(.connection), let error = removeNamed(block, refusing: true) { return error }
        removeHopByHop(block)
        block.remove(.upgrade)
        block.remove(.http2Settings)
        block.remove(.contentLength)
        if block.contains(.te) {
            if TokenList.contains("trailers", in: block, .te) {
                block.set(.te, block.append("trailers"))
            } else {
                block.remove(.te)
            }
        }
        if block.contains(.expect), TokenList.contains("100-continue", in: block, .expect) { block.remove(.expect) }
        return nil
    }

    /// Makes a response head ready to be forwarded.
    ///
    /// Removes Connection and the fields it names, Keep-Alive, Proxy-Connection, Transfer-Encoding, TE and Upgrade. A
    /// 101 keeps Connection and Upgrade, which are its point. Content-Length stays: the writer replaces it when there is
    /// a body, and sends it as it is in answers to HEAD and in 304.
    public static func prepareResponse(_ block: HeaderBlock) {
        if block.status == 101 {
            block.remove(.keepAlive)
            block.remove(.proxyConnection)
            block.remove(.transferEncoding)
            block.remove(.contentLength)
            return
        }
        if block.contains(.connection) { _ = removeNamed(block, refusing: false) }
        removeHopByHop(block)
        block.remove(.upgrade)
        block.remove(.te)
    }

    private static func removeHopByHop(_ block: HeaderBlock) {
        block.remove(.connection)
        block.remove(.keepAlive)
        block.remove(.proxyConnection)
        block.remove(.transferEncoding)
    }

    // MARK: Connection options

    private static func removeNamed(_ block: HeaderBlock, refusing: Bool) -> HTTP1Error? {
        var options = TokenList(block, .connection)
        var count = 0
        while let option = options.next() {
            count += 1
            if count > connectionOptionsMax {
                if refusing { return .invalidConnectionOption }
                return nil
            }
            switch unsafe rule(block.storage + Int(option.start), Int(option.count)) {
            case .ignore: break
            case .invalid: if refusing { return .invalidConnectionOption }
            case .protected: if refusing { return .protectedConnectionOption }
            case .remove: removeFields(named: option, block)
            }
        }
        return nil
    }

    private enum OptionRule { case ignore, remove, protected, invalid }

    private static func rule(_ option: UnsafePointer<UInt8>, _ count: Int) -> OptionRule {
        for index in 0..<count where unsafe !Bytes.isTokenCharacter(option[index]) { return .invalid }
        // `te` has its own rule: TE must be named by Connection, and `trailers` passes all the same. `close`,
        // `keep-alive` and `upgrade` name what is removed in any case.
        switch count {
        case 2: return unsafe Bytes.equal(option, count, ignoringCase: "te") ? .ignore : .remove
        case 4: return unsafe Bytes.equal(option, count, ignoringCase: "host") ? .protected : .remove
        case 5: return unsafe Bytes.equal(option, count, ignoringCase: "close") ? .ignore : .remove
        case 6: return unsafe Bytes.equal(option, count, ignoringCase: "cookie") ? .protected : .remove
        case 7: return unsafe Bytes.equal(option, count, ignoringCase: "upgrade") ? .ignore : .remove
        case 10:
            if unsafe Bytes.equal(option, count, ignoringCase: "keep-alive") { return .ignore }
            return unsafe Bytes.equal(option, count, ignoringCase: "set-cookie") ? .protected : .remove
        case 12: return unsafe Bytes.equal(option, count, ignoringCase: "content-type") ? .protected : .remove
        case 13:
            return unsafe Bytes.equal(option, count, ignoringCase: "authorization")
                || Bytes.equal(option, count, ignoringCase: "cache-control") ? .protected : .remove
        case 14: return unsafe Bytes.equal(option, count, ignoringCase: "content-length") ? .protected : .remove
        case 15: return unsafe Bytes.equal(option, count, ignoringCase: "x-forwarded-for") ? .protected : .remove
        case 16:
            return unsafe Bytes.equal(option, count, ignoringCase: "x-forwarded-host")
                || Bytes.equal(option, count, ignoringCase: "x-forwarded-port")
                || Bytes.equal(option, count, ignoringCase: "content-encoding") ? .protected : .remove
        case 17:
            return unsafe Bytes.equal(option, count, ignoringCase: "x-forwarded-proto")
                || Bytes.equal(option, count, ignoringCase: "transfer-encoding") ? .protected : .remove
        default: return .remove
        }
    }

    private static func removeFields(named option: HeaderBlock.Range, _ block: HeaderBlock) {
        let name = unsafe block.storage + Int(option.start)
        for index in 0..<block.count {
            let field = block.field(index)
            guard field.name.count == option.count, field.id != .removed, field.id != .connection else { continue }
            let other = unsafe block.storage + Int(field.name.start)
            var offset = 0
            while offset < Int(option.count), unsafe Bytes.lower(name[offset]) == other[offset] { offset += 1 }
            if offset == Int(option.count) { block.remove(at: index) }
        }
    }

    // MARK: Control headers of clients

    /// Removes what a client must not tell the proxy: the `x-envoy-*` headers by which Envoy is controlled or marks
    /// requests of its own. Clients are not trusted with them, as in Envoy since 1.33 for addresses not internal.
    ///
    /// `edge`, for gateways, also removes those that only name the way a request took and that sidecars let pass:
    /// `x-envoy-original-path`, `-original-host`, `-attempt-count`, `-decorator-operation`, `-downstream-service-cluster`
    /// and `-downstream-service-node`.
    public static func stripClientControl(_ block: HeaderBlock, edge: Bool = false) {
        for index in 0..<block.count {
            let field = block.field(index)
            let count = Int(field.name.count)
            guard count > 8, field.id != .removed else { continue }
            let name = unsafe block.storage + Int(field.name.start)
            guard unsafe UnsafePointer(name).matches("x-envoy-") else { continue }
            let isControl = unsafe isAny(name + 8, count - 8, of: controls)
            if unsafe isControl || edge && isAny(name + 8, count - 8, of: marks) { block.remove(at: index) }
        }
    }

    /// Names behind `x-envoy-`, each followed by a space.
    private static let controls: StaticString = """
        retry-on retry-grpc-on max-retries retriable-status-codes retriable-header-names hedge-on-per-try-timeout \
        upstream-alt-stat-name upstream-alt-response upstream-rq-timeout-ms upstream-rq-per-try-timeout-ms upstream-rq-timeout-alt-response \
        upstream-stream-duration-ms expected-rq-timeout-ms force-trace ip-tags internal external-address original-url \
        is-timeout-retry original-dst-host original-method cluster local-overloaded overloaded ratelimited degraded \
        immediate-health-check-fail\u{20}
        """
    private static let marks: StaticString = """
        original-path original-host attempt-count decorator-operation downstream-service-cluster \
        downstream-service-node\u{20}
        """

    private static func isAny(_ name: UnsafePointer<UInt8>, _ count: Int, of words: StaticString) -> Bool {
        let text = unsafe words.utf8Start
        let end = words.utf8CodeUnitCount
        var start = 0
        while start < end {
            let next = unsafe Bytes.find(Bytes.space, text, from: start, to: end)
            if unsafe next - start == count && Bytes.equal(text + start, name, count) { return true }
            start = next + 1
        }
        return false
    }

    // MARK: Trailers

    enum TrailerRule { case pass, drop, refuse }

    /// RFC 9110 6.5.1: framing and routing must not be in trailers, a sender that puts them there is attacking; fields
    /// that govern a hop, authenticate or describe the content come too late to mean anything and are dropped.
    static func trailerRule(_ id: HeaderID) -> TrailerRule {
        switch id {
        case .contentLength, .transferEncoding, .host:
            .refuse
        case .connection, .keepAlive, .proxyConnection, .te, .trailer, .upgrade, .expect, .authorization, .cookie,
            .setCookie, .contentType, .contentEncoding, .cacheControl, .ifNoneMatch, .ifModifiedSince, .location,
            .xForwardedFor, .xForwardedProto, .xForwardedPort, .xForwardedHost:
            .drop
        default:
            .pass
        }
    }
}
