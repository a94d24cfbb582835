// TLS of listeners and of clients, for nodes and gateways alike.

/// TLS of a listener: STRICT takes nothing else, PERMISSIVE also plain text, DISABLED only plain text.
public struct ListenerTls: Sendable, Equatable {
    public var certificate: ListenerTlsCertificate
    public var mode: ListenerTlsMode
    public var validation: ListenerTlsValidationContext?

    public init(
        certificate: ListenerTlsCertificate,
        mode: ListenerTlsMode,
        validation: ListenerTlsValidationContext? = nil
    ) {
        self.certificate = certificate
        self.mode = mode
        self.validation = validation
    }
}

/// The certificate of a listener.
public enum ListenerTlsCertificate: Sendable, Equatable {
    case acm(ListenerTlsAcmCertificate)
    case file(ListenerTlsFileCertificate)
    case sds(ListenerTlsSdsCertificate)
}

/// A certificate of AWS Certificate Manager.
public struct ListenerTlsAcmCertificate: Sendable, Equatable {
    public var certificateArn: String

    public init(certificateArn: String) {
        self.certificateArn = certificateArn
    }
}

/// A certificate and its key from PEM files.
public struct ListenerTlsFileCertificate: Sendable, Equatable {
    /// 1 to 255 characters.
    public var certificateChain: String
    /// 1 to 255 characters.
    public var privateKey: String

    public init(certificateChain: String, privateKey: String) {
        self.certificateChain = certificateChain
        self.privateKey = privateKey
    }
}

/// A certificate from a secret discovery service.
public struct ListenerTlsSdsCertificate: Sendable, Equatable {
    public var secretName: String

    public init(secretName: String) {
        self.secretName = secretName
    }
}

/// Whom a listener trusts; present, a client certificate is required.
public struct ListenerTlsValidationContext: Sendable, Equatable {
    public var subjectAlternativeNames: SubjectAlternativeNames?
    public var trust: ListenerTlsValidationContextTrust

    public init(trust: ListenerTlsValidationContextTrust, subjectAlternativeNames: SubjectAlternativeNames? = nil) {
        self.trust = trust
        self.subjectAlternativeNames = subjectAlternativeNames
    }
}

/// Where the trusted authorities come from; a listener cannot use ACM.
public enum ListenerTlsValidationContextTrust: Sendable, Equatable {
    case file(TlsValidationContextFileTrust)
    case sds(TlsValidationContextSdsTrust)
}

/// How the node speaks to a backend.
public struct ClientPolicy: Sendable, Equatable {
    public var tls: ClientPolicyTls?

    public init(tls: ClientPolicyTls? = nil) {
        self.tls = tls
    }
}

/// TLS towards a backend. Enforced unless `enforce` is false; on all ports unless `ports` names some.
public struct ClientPolicyTls: Sendable, Equatable {
    public var certificate: ClientTlsCertificate?
    /// Whether plain text is refused (default true).
    public var enforce: Bool?
    /// Destination ports that the policy concerns; none means all; each 1 to 65535.
    public var ports: [Int]?
    public var validation: TlsValidationContext

    public init(
        validation: TlsValidationContext,
        certificate: ClientTlsCertificate? = nil,
        enforce: Bool? = nil,
        ports: [Int]? = nil
    ) {
        self.validation = validation
        self.certificate = certificate
        self.enforce = enforce
        self.ports = ports
    }
}

/// The certificate a client shows when asked.
public enum ClientTlsCertificate: Sendable, Equatable {
    case file(ListenerTlsFileCertificate)
    case sds(ListenerTlsSdsCertificate)
}

/// Whom a client trusts.
public struct TlsValidationContext: Sendable, Equatable {
    public var subjectAlternativeNames: SubjectAlternativeNames?
    public var trust: TlsValidationContextTrust

    public init(trust: TlsValidationContextTrust, subjectAlternativeNames: SubjectAlternativeNames? = nil) {
        self.trust = trust
        self.subjectAlternativeNames = subjectAlternativeNames
    }
}

/// Where the trusted authorities come from.
public enum TlsValidationContextTrust: Sendable, Equatable {
    case acm(TlsValidationContextAcmTrust)
    case file(TlsValidationContextFileTrust)
    case sds(TlsValidationContextSdsTrust)
}

/// Authorities of AWS Private CA.
public struct TlsValidationContextAcmTrust: Sendable, Equatable {
    /// 1 to 3 entries.
    public var certificateAuthorityArns: [String]

    public init(certificateAuthorityArns: [String]) {
        self.certificateAuthorityArns = certificateAuthorityArns
    }
}

/// Authorities from a PEM file.
public struct TlsValidationContextFileTrust: Sendable, Equatable {
    /// 1 to 255 characters.
    public var certificateChain: String

    public init(certificateChain: String) {
        self.certificateChain = certificateChain
    }
}

/// Authorities from a secret discovery service.
public struct TlsValidationContextSdsTrust: Sendable, Equatable {
    public var secretName: String

    public init(secretName: String) {
        self.secretName = secretName
    }
}

/// Names the certificate of the peer must carry.
public struct SubjectAlternativeNames: Sendable, Equatable {
    public var match: SubjectAlternativeNameMatchers

    public init(match: SubjectAlternativeNameMatchers) {
        self.match = match
    }
}

/// FQDNs or URIs; one of them must be in the certificate.
public struct SubjectAlternativeNameMatchers: Sendable, Equatable {
    /// Each 1 to 254 characters.
    public var exact: [String]

    public init(exact: [String]) {
        self.exact = exact
    }
}
