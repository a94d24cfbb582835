import Testing

@testable import Wire

/// Requests that must not reach a workload, each with the reason given for it.
@Suite struct RequestRefusalTests {
    @Test(arguments: requestRefusals)
    func isRefused(_ refusal: Refusal) {
        #expect(parseRequest(refusal.input).step == .refused(refusal.error))
    }

    @Test(arguments: requestRefusals)
    func isRefusedForTheSameReasonByteByByte(_ refusal: Refusal) {
        let outcome = parseRequest(refusal.input, ends: Array(1...refusal.input.count))
        #expect(outcome.step == .refused(refusal.error))
    }

    @Test(arguments: requestRefusals)
    func isRefusedForTheSameReasonHoweverItIsSplit(_ refusal: Refusal) {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<20 {
            let ends = randomEnds(refusal.input.count, using: &generator)
            #expect(parseRequest(refusal.input, ends: ends).step == .refused(refusal.error), "ends \(ends)")
        }
    }

    @Test func everyErrorHasAnAnswerThatADataPlaneCanSend() {
        for error in HTTP1Error.allCases {
            #expect([400, 431, 501, 505].contains(error.status))
            #expect(error.details.utf8CodeUnitCount > 0)
            #expect("\(error.text)".contains("(RFC "), "\(error)")
        }
        #expect(HTTP1Error.tooManyFields.status == 431)
        #expect("\(HTTP1Error.tooManyFields.details)" == "http1.too_many_headers")
        #expect("\(HTTP1Error.headTooLarge.details)" == "http1.headers_too_large")
        #expect(HTTP1Error.unsupportedTransferEncoding.status == 501)
        #expect(HTTP1Error.unsupportedVersion.status == 505)
        #expect("\(HTTP1Error.unknownMethod.details)" == "http1.codec_error")
    }

    @Test func theTableIsLargeEnoughToMeanSomething() {
        #expect(requestRefusals.count >= 120)
    }
}

let requestRefusals: [Refusal] = startLineRefusals + targetRefusals + fieldRefusals + hostRefusals + framingRefusals

private let startLineRefusals: [Refusal] = [
    Refusal("TLS client hello", [0x16, 3, 1, 0, 0xA5, 1, 0, 0, 0xA1, 3, 3], .invalidMethod),
    Refusal("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unknownMethod),
    Refusal("PROXY protocol", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", .unknownMethod),
    Refusal("NUL first", "\0GET / HTTP/1.1\r\nHost: h\r\n\r\n", .invalidMethod),
    Refusal("space first", " GET / HTTP/1.1\r\nHost: h\r\n\r\n", .invalidMethod),
    Refusal("tab first", "\tGET / HTTP/1.1\r\nHost: h\r\n\r\n", .invalidMethod),
    Refusal("colon first", ":GET / HTTP/1.1\r\nHost: h\r\n\r\n", .invalidMethod),
    Refusal("UTF-8 byte order mark first", "\u{FEFF}GET / HTTP/1.1\r\nHost: h\r\n\r\n", .invalidMethod),
    Refusal("bare LF as empty line", "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", .bareLineFeed),
    Refusal("two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", .startLineMissing),
    Refusal("CR CR LF first", "\r\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", .bareCarriageReturn),
    Refusal("CR before the method", "\rGET / HTTP/1.1\r\nHost: h\r\n\r\n", .bareCarriageReturn),
    Refusal("LF ends the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", .bareLineFeed),
    Refusal("only LF", "GET / HTTP/1.1\nHost: h\n\n", .bareLineFeed),
    Refusal("method only", "GET\r\nHost: h\r\n\r\n", .invalidRequestLine),
    Refusal("method and space", "GET \r\nHost: h\r\n\r\n", .invalidRequestLine),
    Refusal("unknown method", line("FOO / HTTP/1.1"), .unknownMethod),
    Refusal("method in lower case", line("get / HTTP/1.1"), .unknownMethod),
    Refusal("method in mixed case", line("Get / HTTP/1.1"), .unknownMethod),
    Refusal("method too long", line("GETT / HTTP/1.1"), .unknownMethod),
    Refusal("method too short", line("GE / HTTP/1.1"), .unknownMethod),
    Refusal("method with slash", line("GE/T / HTTP/1.1"), .invalidMethod),
    Refusal("method with parenthesis", line("GET( / HTTP/1.1"), .invalidMethod),
    Refusal("method with NUL", line("GET\0 / HTTP/1.1"), .invalidMethod),
    Refusal("method with a letter outside ASCII", line("GÉT / HTTP/1.1"), .invalidMethod),
    Refusal("tab after the method", line("GET\t/ HTTP/1.1"), .invalidMethod),
    Refusal("CR after the method", line("GET\r/ HTTP/1.1"), .bareCarriageReturn),
    Refusal("two spaces after the method", line("GET  / HTTP/1.1"), .invalidTargetCharacter),
    Refusal("two spaces before the version", line("GET /  HTTP/1.1"), .invalidTargetCharacter),
    Refusal("tab before the version", line("GET /\tHTTP/1.1"), .invalidRequestLine),
    Refusal("space in the target", line("GET /a b HTTP/1.1"), .invalidTargetCharacter),
    Refusal("space after the version", line("GET / HTTP/1.1 "), .invalidVersion),
    Refusal("text after the version", line("GET / HTTP/1.1 x"), .invalidVersion),
    Refusal("CR before the end of the line", line("GET / HTTP/1.1\r"), .bareCarriageReturn),
    Refusal("no version, as HTTP/0.9", "GET /\r\n\r\n", .invalidRequestLine),
    Refusal("no target", line("GET HTTP/1.1"), .invalidRequestLine),
    Refusal("no target, two spaces", line("GET  HTTP/1.1"), .invalidRequestLine),
    Refusal("HTTP/0.9", line("GET / HTTP/0.9"), .unsupportedVersion),
    Refusal("HTTP/1.2", line("GET / HTTP/1.2"), .unsupportedVersion),
    Refusal("HTTP/1.9", line("GET / HTTP/1.9"), .unsupportedVersion),
    Refusal("HTTP/2.0", line("GET / HTTP/2.0"), .unsupportedVersion),
    Refusal("HTTP/3.0", line("GET / HTTP/3.0"), .unsupportedVersion),
    Refusal("HTTP/2", line("GET / HTTP/2"), .invalidVersion),
    Refusal("HTTP/1", line("GET / HTTP/1"), .invalidVersion),
    Refusal("HTTP/1.", line("GET / HTTP/1."), .invalidVersion),
    Refusal("HTTP/1.10", line("GET / HTTP/1.10"), .invalidVersion),
    Refusal("HTTP/01.1", line("GET / HTTP/01.1"), .invalidVersion),
    Refusal("HTTP/1,1", line("GET / HTTP/1,1"), .invalidVersion),
    Refusal("HTTP/x.y", line("GET / HTTP/x.y"), .invalidVersion),
    Refusal("http/1.1", line("GET / http/1.1"), .invalidVersion),
    Refusal("HTTPS/1.1", line("GET / HTTPS/1.1"), .invalidVersion),
    Refusal("HTTP 1.1", line("GET / HTTP 1.1"), .invalidVersion),
    Refusal("ICY/1.1", line("GET / ICYY/1.1"), .invalidVersion),
    Refusal("slash missing", line("GET / HTTP1.1"), .invalidVersion),
    Refusal("empty version", line("GET / "), .invalidVersion),
]

private let targetRefusals: [Refusal] = [
    Refusal("target without slash", line("GET a HTTP/1.1"), .invalidTarget),
    Refusal("query without path", line("GET ?a HTTP/1.1"), .invalidTarget),
    Refusal("backslash first", line("GET \\a HTTP/1.1"), .invalidTarget),
    Refusal("asterisk with GET", line("GET * HTTP/1.1"), .invalidTarget),
    Refusal("two asterisks", line("OPTIONS ** HTTP/1.1"), .invalidTarget),
    Refusal("fragment", line("GET /a#b HTTP/1.1"), .fragmentInTarget),
    Refusal("fragment in the query", line("GET /abcdefghijk?b#c HTTP/1.1"), .fragmentInTarget),
    Refusal("NUL in the target", line("GET /a\0b HTTP/1.1"), .invalidTargetCharacter),
    Refusal("tab in the target", line("GET /a\tb HTTP/1.1"), .invalidTargetCharacter),
    Refusal("escape in the target", line("GET /a\u{1B}b HTTP/1.1"), .invalidTargetCharacter),
    Refusal("DEL in the target", line("GET /a\u{7F}b HTTP/1.1"), .invalidTargetCharacter),
    Refusal("UTF-8 in the target", line("GET /café HTTP/1.1"), .invalidTargetCharacter),
    Refusal(
        "Latin-1 in the target", Array("GET /caf".utf8) + [0xE9] + Array(line(" HTTP/1.1").utf8),
        .invalidTargetCharacter),
    Refusal("CR in the target", line("GET /a\rb HTTP/1.1"), .bareCarriageReturn),
    Refusal("absolute form without authority", line("GET http:/// HTTP/1.1"), .invalidHost),
    Refusal("absolute form with nothing", line("GET http:// HTTP/1.1"), .invalidHost),
    Refusal("absolute form with one slash", line("GET http:/a HTTP/1.1"), .invalidTarget),
    Refusal("absolute form without slashes", line("GET http:a HTTP/1.1"), .invalidTarget),
    Refusal("ftp", line("GET ftp://h/ HTTP/1.1"), .invalidScheme),
    Refusal("empty scheme", line("GET ://h/ HTTP/1.1"), .invalidScheme),
    Refusal("scheme with digits", line("GET http1://h/ HTTP/1.1"), .invalidScheme),
    Refusal("user information", line("GET http://user@h/ HTTP/1.1"), .invalidHost),
    Refusal("user and password", line("GET http://user:pw@h/ HTTP/1.1"), .invalidHost),
    Refusal("bad port in the target", line("GET http://h:99999/ HTTP/1.1"), .invalidHost),
    Refusal("port of letters in the target", line("GET http://h:a/ HTTP/1.1"), .invalidHost),
    Refusal("backslash in the target's authority", line("GET http://h\\evil/ HTTP/1.1"), .invalidHost),
    Refusal("fragment behind the authority", line("GET http://h#/ HTTP/1.1"), .fragmentInTarget),
    Refusal("CONNECT with origin form", line("CONNECT / HTTP/1.1"), .invalidTarget),
    Refusal("CONNECT with absolute form", line("CONNECT http://h:80/ HTTP/1.1"), .invalidTarget),
    Refusal("CONNECT without port", line("CONNECT h HTTP/1.1"), .invalidTarget),
    Refusal("CONNECT with empty port", line("CONNECT h: HTTP/1.1"), .invalidTarget),
    Refusal("CONNECT without host", line("CONNECT :80 HTTP/1.1"), .invalidTarget),
    Refusal("CONNECT with a large port", line("CONNECT h:65536 HTTP/1.1"), .invalidTarget),
    Refusal("CONNECT with user information", line("CONNECT u@h:80 HTTP/1.1"), .invalidTarget),
    Refusal("authority form with GET", line("GET h:80 HTTP/1.1"), .invalidTarget),
]

private let fieldRefusals: [Refusal] = [
    Refusal("folded line", get("X: a", " b"), .foldedLine),
    Refusal("line folded with a tab", get("X: a", "\tb"), .foldedLine),
    Refusal("blank before the first field", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", .foldedLine),
    Refusal("line of one blank", get(" "), .foldedLine),
    Refusal("no colon", get("X"), .missingColon),
    Refusal("no colon, folded Host", "GET / HTTP/1.1\r\nHost\r\n\r\n", .missingColon),
    Refusal("empty name", get(": a"), .emptyName),
    Refusal("only a colon", get(":"), .emptyName),
    Refusal("blank before the colon", get("X : a"), .whitespaceBeforeColon),
    Refusal("tab before the colon", get("X\t: a"), .whitespaceBeforeColon),
    Refusal("blank before Host's colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", .whitespaceBeforeColon),
    Refusal("blank before the colon of Content-Length", post("Content-Length : 1"), .whitespaceBeforeColon),
    Refusal("blank in the name", get("X Y: a"), .invalidName),
    Refusal("blanks and no colon", get("X  "), .invalidName),
    Refusal("NUL in the name", get("X\0: a"), .invalidName),
    Refusal("DEL in the name", get("X\u{7F}: a"), .invalidName),
    Refusal("parenthesis in the name", get("X(: a"), .invalidName),
    Refusal("quotation mark in the name", get("\"X\": a"), .invalidName),
    Refusal("slash in the name", get("X/Y: a"), .invalidName),
    Refusal("bracket in the name", get("X[0]: a"), .invalidName),
    Refusal("letter outside ASCII in the name", get("É: a"), .invalidName),
    Refusal("semicolon in the name", get("Transfer-Encoding;: chunked"), .invalidName),
    Refusal("CR in the name", get("X\r: a"), .bareCarriageReturn),
    Refusal("CR instead of a name", get("\rX: a"), .bareCarriageReturn),
    Refusal("NUL in the value", get("X: a\0b"), .invalidValue),
    Refusal("NUL as the value", get("X: \0"), .invalidValue),
    Refusal("NUL in a long value", get("X: abcdefghijklmnop\0qrs"), .invalidValue),
    Refusal("BEL in the value", get("X: a\u{7}b"), .invalidValue),
    Refusal("escape in the value", get("X: \u{1B}[2Jabcdef"), .invalidValue),
    Refusal("vertical tab in the value", get("X: \u{B}chunked"), .invalidValue),
    Refusal("form feed at the end of the value", get("X: chunked\u{C}"), .invalidValue),
    Refusal("DEL in the value", get("X: a\u{7F}b"), .invalidValue),
    Refusal("DEL in a long value", get("X: abcdefghijk\u{7F}lmno"), .invalidValue),
    Refusal("CR in the value", get("X: a\rb"), .bareCarriageReturn),
    Refusal("CR hides a field", get("X: a\rTransfer-Encoding: chunked"), .bareCarriageReturn),
    Refusal("CR CR LF", get("X: a\r"), .bareCarriageReturn),
    Refusal("CR in a long value", get("X: abcdefghijklmnop\rqrs"), .bareCarriageReturn),
    Refusal("LF in the value", get("X: a\nb"), .bareLineFeed),
    Refusal("LF hides a field", get("X: a\nTransfer-Encoding: chunked"), .bareLineFeed),
    Refusal("LF ends the head", "GET / HTTP/1.1\r\nHost: h\r\n\n", .bareLineFeed),
    Refusal("LF ends a field", "GET / HTTP/1.1\r\nHost: h\n\r\n", .bareLineFeed),
    Refusal("100 fields and Host", get((0..<100).map { "X\($0): a" }.joined(separator: "\r\n")), .tooManyFields),
    Refusal("1000 empty fields", get((0..<1000).map { _ in "x:" }.joined(separator: "\r\n")), .tooManyFields),
    Refusal("value of 62,000 bytes", get("X: " + String(repeating: "a", count: 62_000)), .headTooLarge),
    Refusal("name of 62,000 bytes", get(String(repeating: "a", count: 62_000) + ": b"), .headTooLarge),
    Refusal(
        "target of 62,000 bytes", line("GET /" + String(repeating: "a", count: 62_000) + " HTTP/1.1"), .headTooLarge),
    Refusal("no end of line for 62,000 bytes", String(repeating: "A", count: 62_000), .headTooLarge),
    Refusal(
        "error before the limit is passed", get("X : a", "Y: " + String(repeating: "a", count: 62_000)),
        .whitespaceBeforeColon),
    Refusal("Connection of a non-token colon", "GET / HTTP/1.1\r\nHost: h\r\n::\r\n\r\n", .emptyName),
]

private let hostRefusals: [Refusal] = [
    Refusal("no Host", "GET / HTTP/1.1\r\n\r\n", .missingHost),
    Refusal("no Host among others", "GET / HTTP/1.1\r\nX: a\r\nHos: h\r\nHostt: h\r\n\r\n", .missingHost),
    Refusal("no Host in absolute form", "GET http://h/ HTTP/1.1\r\n\r\n", .missingHost),
    Refusal("no Host with CONNECT", "CONNECT h:80 HTTP/1.1\r\n\r\n", .missingHost),
    Refusal("two Hosts", get("Host: evil"), .duplicateHost),
    Refusal("two equal Hosts", get("Host: h"), .duplicateHost),
    Refusal("two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", .duplicateHost),
    Refusal("two Hosts in absolute form", "GET http://h/ HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", .duplicateHost),
    Refusal("empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", .invalidHost),
    Refusal("Host of blanks", "GET / HTTP/1.1\r\nHost: \t \r\n\r\n", .invalidHost),
    Refusal("Host of a port", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", .invalidHost),
    Refusal("user information in Host", "GET / HTTP/1.1\r\nHost: a@h\r\n\r\n", .invalidHost),
    Refusal("two hosts in Host", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .invalidHost),
    Refusal("two hosts in Host without blank", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", .invalidHost),
    Refusal("path in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .invalidHost),
    Refusal("query in Host", "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", .invalidHost),
    Refusal("fragment in Host", "GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", .invalidHost),
    Refusal("backslash in Host", "GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", .invalidHost),
    Refusal("blank in Host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .invalidHost),
    Refusal("UTF-8 in Host", "GET / HTTP/1.1\r\nHost: é\r\n\r\n", .invalidHost),
    Refusal("URI in Host", "GET / HTTP/1.1\r\nHost: http://h\r\n\r\n", .invalidHost),
    Refusal("port of letters", "GET / HTTP/1.1\r\nHost: h:a\r\n\r\n", .invalidHost),
    Refusal("port with sign", "GET / HTTP/1.1\r\nHost: h:+80\r\n\r\n", .invalidHost),
    Refusal("port too large", "GET / HTTP/1.1\r\nHost: h:65536\r\n\r\n", .invalidHost),
    Refusal("port of many digits", "GET / HTTP/1.1\r\nHost: h:99999999999999999999\r\n\r\n", .invalidHost),
    Refusal("two ports", "GET / HTTP/1.1\r\nHost: h:80:80\r\n\r\n", .invalidHost),
    Refusal("bracket not closed", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .invalidHost),
    Refusal("IPv6 without brackets", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", .invalidHost),
    Refusal("percent sign alone", "GET / HTTP/1.1\r\nHost: a%\r\n\r\n", .invalidHost),
    Refusal("encoded slash in Host", "GET / HTTP/1.1\r\nHost: a%2Fb\r\n\r\n", .invalidHost),
    Refusal("encoded NUL in Host", "GET / HTTP/1.1\r\nHost: a%00\r\n\r\n", .invalidHost),
]

private let framingRefusals: [Refusal] = [
    Refusal(
        "both lengths", post("Content-Length: 5", "Transfer-Encoding: chunked"), .contentLengthWithTransferEncoding),
    Refusal(
        "both lengths, other order", post("Transfer-Encoding: chunked", "Content-Length: 5"),
        .contentLengthWithTransferEncoding),
    Refusal(
        "both lengths, unknown coding", post("Content-Length: 5", "Transfer-Encoding: x"),
        .contentLengthWithTransferEncoding),
    Refusal(
        "both lengths, empty coding", post("Content-Length: 5", "Transfer-Encoding:"),
        .contentLengthWithTransferEncoding),
    Refusal("two lengths", post("Content-Length: 5", "Content-Length: 6"), .duplicateContentLength),
    Refusal("two equal lengths", post("Content-Length: 5", "Content-Length: 5"), .duplicateContentLength),
    Refusal("two lengths apart", post("Content-Length: 0", "X: a", "content-length: 5"), .duplicateContentLength),
    Refusal("list of lengths", post("Content-Length: 5, 5"), .invalidContentLength),
    Refusal("list of lengths without blank", post("Content-Length: 5,6"), .invalidContentLength),
    Refusal("empty length", post("Content-Length:"), .invalidContentLength),
    Refusal("length of blanks", post("Content-Length:   "), .invalidContentLength),
    Refusal("negative length", post("Content-Length: -1"), .invalidContentLength),
    Refusal("length with plus", post("Content-Length: +1"), .invalidContentLength),
    Refusal("hexadecimal length", post("Content-Length: 0x10"), .invalidContentLength),
    Refusal("length with letters", post("Content-Length: 5a"), .invalidContentLength),
    Refusal("length with fraction", post("Content-Length: 5.0"), .invalidContentLength),
    Refusal("length with exponent", post("Content-Length: 1e2"), .invalidContentLength),
    Refusal("length with underscore", post("Content-Length: 1_0"), .invalidContentLength),
    Refusal("length with blank inside", post("Content-Length: 1 0"), .invalidContentLength),
    Refusal("length in quotation marks", post("Content-Length: \"5\""), .invalidContentLength),
    Refusal("length beyond 63 bits", post("Content-Length: 9223372036854775808"), .invalidContentLength),
    Refusal("length beyond 64 bits", post("Content-Length: 18446744073709551616"), .invalidContentLength),
    Refusal("length of 40 digits", post("Content-Length: " + String(repeating: "9", count: 40)), .invalidContentLength),
    Refusal("length in full-width digits", post("Content-Length: ５"), .invalidContentLength),
    Refusal("gzip", post("Transfer-Encoding: gzip"), .unsupportedTransferEncoding),
    Refusal("identity", post("Transfer-Encoding: identity"), .unsupportedTransferEncoding),
    Refusal("gzip, chunked", post("Transfer-Encoding: gzip, chunked"), .unsupportedTransferEncoding),
    Refusal("chunked, gzip", post("Transfer-Encoding: chunked, gzip"), .unsupportedTransferEncoding),
    Refusal("chunked, chunked", post("Transfer-Encoding: chunked, chunked"), .unsupportedTransferEncoding),
    Refusal(
        "chunked twice", post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), .unsupportedTransferEncoding),
    Refusal(
        "chunked and identity", post("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        .unsupportedTransferEncoding),
    Refusal(
        "identity and chunked", post("Transfer-Encoding: identity", "Transfer-Encoding: chunked"),
        .unsupportedTransferEncoding),
    Refusal("xchunked", post("Transfer-Encoding: xchunked"), .unsupportedTransferEncoding),
    Refusal("chunkedx", post("Transfer-Encoding: chunkedx"), .unsupportedTransferEncoding),
    Refusal("chunked with parameter", post("Transfer-Encoding: chunked;q=1"), .unsupportedTransferEncoding),
    Refusal("chunked with comma", post("Transfer-Encoding: chunked,"), .unsupportedTransferEncoding),
    Refusal("comma and chunked", post("Transfer-Encoding: ,chunked"), .unsupportedTransferEncoding),
    Refusal("chunked in quotation marks", post("Transfer-Encoding: \"chunked\""), .unsupportedTransferEncoding),
    Refusal("empty coding", post("Transfer-Encoding:"), .unsupportedTransferEncoding),
    Refusal("chunked with byte outside ASCII", post("Transfer-Encoding: chunked\u{A0}"), .unsupportedTransferEncoding),
    Refusal(
        "chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
        .transferEncodingInHTTP10),
    Refusal(
        "CONNECT with length", "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\nContent-Length: 5\r\n\r\n", .contentInConnect),
    Refusal(
        "CONNECT with chunks", "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\nTransfer-Encoding: chunked\r\n\r\n",
        .contentInConnect),
]
