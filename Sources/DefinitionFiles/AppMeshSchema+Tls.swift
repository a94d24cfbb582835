// The schema of TLS on listeners and clients. Constraints are those of the API model (2019-01-25).

import Definitions

extension AppMeshSchema {
    static let listenerTls = Shape<ListenerTls>.object(
        ListenerTls(
            certificate: .file(ListenerTlsFileCertificate(certificateChain: "", privateKey: "")), mode: .disabled),
        [
            .required("certificate", \.certificate, listenerTlsCertificate),
            .required("mode", \.mode, .choice),
            .optional("validation", \.validation, listenerTlsValidationContext),
        ])

    static let listenerTlsCertificate = Shape<ListenerTlsCertificate>.union([
        .member("acm", ListenerTlsCertificate.acm, listenerTlsAcmCertificate) {
            if case .acm(let value) = $0 { value } else { nil }
        },
        .member("file", ListenerTlsCertificate.file, listenerTlsFileCertificate) {
            if case .file(let value) = $0 { value } else { nil }
        },
        .member("sds", ListenerTlsCertificate.sds, listenerTlsSdsCertificate) {
            if case .sds(let value) = $0 { value } else { nil }
        },
    ])

    static let listenerTlsAcmCertificate = Shape<ListenerTlsAcmCertificate>.object(
        ListenerTlsAcmCertificate(certificateArn: ""),
        [
            .required("certificateArn", \.certificateArn, .string())
        ])

    static let listenerTlsFileCertificate = Shape<ListenerTlsFileCertificate>.object(
        ListenerTlsFileCertificate(certificateChain: "", privateKey: ""),
        [
            .required("certificateChain", \.certificateChain, .string(1...255)),
            .required("privateKey", \.privateKey, .string(1...255)),
        ])

    static let listenerTlsSdsCertificate = Shape<ListenerTlsSdsCertificate>.object(
        ListenerTlsSdsCertificate(secretName: ""),
        [
            .required("secretName", \.secretName, .string())
        ])

    static let listenerTlsValidationContext = Shape<ListenerTlsValidationContext>.object(
        ListenerTlsValidationContext(trust: .file(TlsValidationContextFileTrust(certificateChain: ""))),
        [
            .optional("subjectAlternativeNames", \.subjectAlternativeNames, subjectAlternativeNames),
            .required("trust", \.trust, listenerTlsValidationContextTrust),
        ])

    static let listenerTlsValidationContextTrust = Shape<ListenerTlsValidationContextTrust>.union([
        .member("file", ListenerTlsValidationContextTrust.file, tlsValidationContextFileTrust) {
            if case .file(let value) = $0 { value } else { nil }
        },
        .member("sds", ListenerTlsValidationContextTrust.sds, tlsValidationContextSdsTrust) {
            if case .sds(let value) = $0 { value } else { nil }
        },
    ])

    static let clientPolicy = Shape<ClientPolicy>.object(
        ClientPolicy(),
        [
            .optional("tls", \.tls, clientPolicyTls)
        ])

    static let clientPolicyTls = Shape<ClientPolicyTls>.object(
        ClientPolicyTls(
            validation: TlsValidationContext(trust: .file(TlsValidationContextFileTrust(certificateChain: "")))),
        [
            .optional("certificate", \.certificate, clientTlsCertificate),
            .optional("enforce", \.enforce, .boolean),
            .optional("ports", \.ports, .list(.integer(1...65_535))),
            .required("validation", \.validation, tlsValidationContext),
        ])

    static let clientTlsCertificate = Shape<ClientTlsCertificate>.union([
        .member("file", ClientTlsCertificate.file, listenerTlsFileCertificate) {
            if case .file(let value) = $0 { value } else { nil }
        },
        .member("sds", ClientTlsCertificate.sds, listenerTlsSdsCertificate) {
            if case .sds(let value) = $0 { value } else { nil }
        },
    ])

    static let tlsValidationContext = Shape<TlsValidationContext>.object(
        TlsValidationContext(trust: .file(TlsValidationContextFileTrust(certificateChain: ""))),
        [
            .optional("subjectAlternativeNames", \.subjectAlternativeNames, subjectAlternativeNames),
            .required("trust", \.trust, tlsValidationContextTrust),
        ])

    static let tlsValidationContextTrust = Shape<TlsValidationContextTrust>.union([
        .member("acm", TlsValidationContextTrust.acm, tlsValidationContextAcmTrust) {
            if case .acm(let value) = $0 { value } else { nil }
        },
        .member("file", TlsValidationContextTrust.file, tlsValidationContextFileTrust) {
            if case .file(let value) = $0 { value } else { nil }
        },
        .member("sds", TlsValidationContextTrust.sds, tlsValidationContextSdsTrust) {
            if case .sds(let value) = $0 { value } else { nil }
        },
    ])

    static let tlsValidationContextAcmTrust = Shape<TlsValidationContextAcmTrust>.object(
        TlsValidationContextAcmTrust(certificateAuthorityArns: []),
        [
            .required("certificateAuthorityArns", \.certificateAuthorityArns, .list(.string(), count: 1...3))
        ])

    static let tlsValidationContextFileTrust = Shape<TlsValidationContextFileTrust>.object(
        TlsValidationContextFileTrust(certificateChain: ""),
        [
            .required("certificateChain", \.certificateChain, .string(1...255))
        ])

    static let tlsValidationContextSdsTrust = Shape<TlsValidationContextSdsTrust>.object(
        TlsValidationContextSdsTrust(secretName: ""),
        [
            .required("secretName", \.secretName, .string())
        ])

    static let subjectAlternativeNames = Shape<SubjectAlternativeNames>.object(
        SubjectAlternativeNames(match: SubjectAlternativeNameMatchers(exact: [])),
        [
            .required("match", \.match, subjectAlternativeNameMatchers)
        ])

    static let subjectAlternativeNameMatchers = Shape<SubjectAlternativeNameMatchers>.object(
        SubjectAlternativeNameMatchers(exact: []),
        [
            .required("exact", \.exact, .list(.subjectName))
        ])
}
