import Testing

@testable import Wire

@Suite struct PathRulesTests {
    private func block(_ path: String) -> HeaderBlock {
        let block = HeaderBlock(bytes: 64)
        block.path = Array(path.utf8).withUnsafeBufferPointer { block.append($0) }
        return block
    }

    @Test(arguments: [
        ("/", "/"), ("/a", "/a"), ("/a/", "/a/"), ("/.", "/"), ("/..", "/"), ("/../..", "/"), ("/../a", "/a"),
        ("/./a", "/a"), ("/a/.", "/a/"), ("/a/./b", "/a/b"), ("/a/..", "/"), ("/a/../", "/"), ("/a/../b", "/b"),
        ("/a/b/..", "/a/"), ("/a/b/../c", "/a/c"), ("/a/b/../../c", "/c"), ("/a/../../../c", "/c"), ("//", "/"),
        ("//a", "/a"), ("/a//b", "/a/b"), ("/a///", "/a/"), ("/a//../b", "/a/b"), ("/a//b//..//c", "/a/b/c"),
        ("/a/%2e%2E/b", "/b"), ("/a/%2e/b", "/a/b"), ("/a/.%2e/b", "/b"), ("/a/%2E./b", "/b"), ("/%2e", "/"),
        ("/a\\b", "/a/b"), ("\\a", "\\a"), ("/\\a", "/a"), ("/a\\..\\b", "/b"), ("/a/..\\..\\b", "/b"),
        ("/...", "/..."), ("/a/.../b", "/a/.../b"), ("/.well-known/x", "/.well-known/x"), ("/a/..b", "/a/..b"),
        ("/a/b..", "/a/b.."), ("/a/.b/c.", "/a/.b/c."), ("/%2F", "/%2F"), ("/a%2f..%2fb", "/a%2f..%2fb"),
        ("/%5C..", "/%5C.."), ("/%2", "/%2"), ("/%", "/%"), ("/%2e%2", "/.%2"), ("/kept/%41", "/kept/A"),
        ("/%7Euser/%2D%5f", "/~user/-_"), ("/%2B%zz%4", "/%2B%zz%4"), ("/%252e%252e/a", "/%252e%252e/a"),
        ("/a;..;/b", "/a;..;/b"), ("*", "*"), ("", ""), ("/a%01", "/a%01"),
    ])
    func hasOneSpelling(_ path: String, _ normal: String) {
        let block = block(path)
        #expect(PathRules.normalize(block))
        #expect(block.text(block.path) == normal)
        // Normal is a fixed point, and reaching it again writes nothing but where a dot makes it look again.
        #expect(PathRules.normalize(block))
        #expect(block.text(block.path) == normal)
    }

    @Test(arguments: ["/a%00", "/%00/b", "/a#b", "/é", "/a b", "/a\0", "/a\u{7F}", "/a/../%00"])
    func isRefused(_ path: String) {
        #expect(!PathRules.normalize(block(path)))
    }

    @Test func normalPathCostsNoMemory() {
        let block = block("/api/v1/users/1234567890")
        let used = block.used
        #expect(PathRules.normalize(block))
        #expect(block.used == used)
    }

    @Test func resultsNeverHaveDotSegmentsOrDoubleSlashes() {
        var generator = SeededGenerator(seed: 9)
        let pieces = ["/", "/", ".", "..", "%2e", "%2E", "a", "b", "\\", "%2F", ";", "//"]
        for _ in 0..<20_000 {
            let text =
                "/"
                + (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                    pieces.randomElement(using: &generator) ?? "/"
                }.joined()
            let block = block(text)
            #expect(PathRules.normalize(block))
            let path = block.text(block.path)
            let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
            #expect(path.hasPrefix("/") && path.count <= text.count)
            for (index, segment) in segments.enumerated() {
                let plain = segment.replacing("%2e", with: ".").replacing("%2E", with: ".")
                #expect(plain != "." && plain != ".." && !segment.contains("\\"), "\(text) -> \(path)")
                #expect(!segment.isEmpty || index == segments.count - 1, "\(text) -> \(path)")
            }
        }
    }
}

@Suite struct AuthorityTests {
    private func split(_ text: String) -> (host: String, port: Int?)? {
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBufferPointer { Authority.split($0) }
            .map { (String(decoding: bytes[$0.host], as: UTF8.self), $0.port) }
    }

    @Test(
        arguments: [
            ("h", "h", nil), ("Example.COM.:8080", "Example.COM.", 8080), ("h:", "h", nil), ("h:0", "h", 0),
            ("h:65535", "h", 65_535), ("h:00080", "h", 80), ("127.0.0.1:80", "127.0.0.1", 80),
            ("a_b-c~d", "a_b-c~d", nil),
            ("a%41", "a%41", nil), ("[::1]", "[::1]", nil), ("[::1]:80", "[::1]", 80), ("[::]", "[::]", nil),
            ("[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]", nil), ("[fe80::1:2]:", "[fe80::1:2]", nil),
            ("[::ffff:1.2.3.4]:9", "[::ffff:1.2.3.4]", 9), ("[1:2:3:4:5:6:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]", nil),
            ("[1::]", "[1::]", nil), ("[::2:3:4:5:6:7:8]", "[::2:3:4:5:6:7:8]", nil),
        ] as [(String, String, Int?)])
    func isSplit(_ text: String, _ host: String, _ port: Int?) {
        let result = split(text)
        #expect(result?.host == host)
        #expect(result?.port == port)
    }

    @Test(arguments: [
        "", ":80", "h:a", "h:-1", "h:65536", "h:000080", "h:80:80", "a@b", "a b", "a/b", "a,b", "a%", "a%4", "a%zz",
        "a%2f", "a%00", "é", "::1", "[", "[]", "[:]", "[:1]", "[1:]", "[::1", "[::1]x", "[::1]:x", "[1]", "[::1::2]",
        "[:::1]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7:8::]", "[12345::]", "[g::]",
        "[fe80::1%25eth0]", "[::1.2.3]", "[::1.2.3.256]", "[::1.2.3.4.5]", "[1.2.3.4]", "[v1.x]", "[::1]80", "[[::1]]",
    ])
    func isRefused(_ text: String) {
        #expect(split(text) == nil)
    }
}

@Suite struct HeaderNamesTests {
    @Test(arguments: HeaderID.allCases.filter(\.isKnown)) func everyKnownNameIsFound(_ id: HeaderID) {
        let name = Array("\(id.name)".utf8)
        #expect(name.withUnsafeBufferPointer { HeaderID.named($0) } == id)
        for other in [name + [0x61], Array(name.dropLast()), [0x78] + name, name.dropLast() + [0x7E]] {
            #expect(other.withUnsafeBufferPointer { HeaderID.named($0) } == .other, "\(id.name)")
        }
    }

    @Test func identifiersFitTheWritersMask() {
        #expect(HeaderID.count <= 64)
    }
}
