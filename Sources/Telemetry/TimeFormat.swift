// Instants as text: `%START_TIME%` and its format argument. The argument is strftime's, with Envoy's fractions (`%3f`,
// `%6f`, `%9f`, `%f`, `%1f`…`%9f`, and `%E3S`, `%E*S`, `%E4Y` and relatives). It is compiled once; names are English and
// the zone is UTC, or the machine's for the `_LOCAL` operators.

import Glibc

struct TimeFormat: Equatable {
    enum Piece: Equatable {
        case literal([UInt8])
        case year, shortYear, month, day, spaceDay, hour, hour12, minute, second, dayOfYear
        case weekdayName, shortWeekdayName, monthName, shortMonthName, amPM, weekday, isoWeekday
        case epoch, zoneName, zoneOffset, zoneOffsetColon
        /// The first digits of the fraction of a second.
        case fraction(Int)
        /// Seconds, a point and the fraction without its trailing zeros.
        case secondWithFraction
    }

    /// Envoy's default: `2026-11-23T18:24:52.489Z`.
    static let standard = TimeFormat(pieces: [], isLocal: false)

    /// Empty for the standard format, which has a path of its own.
    var pieces: [Piece]
    var isLocal: Bool

    private static let simple: [UInt8: [Piece]] = {
        func text(_ text: String) -> Piece { .literal(Array(text.utf8)) }
        let time: [Piece] = [.hour, text(":"), .minute, text(":"), .second]
        let table: [Character: [Piece]] = [
            "Y": [.year], "y": [.shortYear], "m": [.month], "d": [.day], "e": [.spaceDay], "H": [.hour],
            "I": [.hour12], "M": [.minute], "S": [.second], "j": [.dayOfYear], "A": [.weekdayName],
            "a": [.shortWeekdayName], "B": [.monthName], "b": [.shortMonthName], "h": [.shortMonthName],
            "p": [.amPM], "u": [.isoWeekday], "w": [.weekday], "s": [.epoch], "Z": [.zoneName], "z": [.zoneOffset],
            "f": [.fraction(9)], "T": time, "R": [.hour, text(":"), .minute], "X": time,
            "F": [.year, text("-"), .month, text("-"), .day],
            "D": [.month, text("/"), .day, text("/"), .shortYear],
            "x": [.month, text("/"), .day, text("/"), .shortYear],
            "c": [.shortWeekdayName, text(" "), .shortMonthName, text(" "), .spaceDay, text(" ")] + time
                + [text(" "), .year],
            "r": [.hour12, text(":"), .minute, text(":"), .second, text(" "), .amPM],
            "t": [text("\t")], "%": [text("%")],
        ]
        return Dictionary(uniqueKeysWithValues: table.map { ($0.key.asciiValue ?? 0, $0.value) })
    }()

    /// Compiles a format. `offset` is where it stands in the pattern, for errors.
    static func parse(_ text: [UInt8], isLocal: Bool, offset: Int) throws(FormatError) -> TimeFormat {
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        var index = 0
        while index < text.count {
            if text[index] == 10 || text[index] == 13 {
                throw FormatError(offset: offset + index, message: "a time format holds no newline")
            }
            guard text[index] == UInt8(ascii: "%") else {
                literal.append(text[index])
                index += 1
                continue
            }
            let start = index
            guard let (parsed, next) = directive(text, index + 1) else {
                let shown = String(decoding: text[start..<min(start + 3, text.count)], as: UTF8.self)
                throw FormatError(
                    offset: offset + start,
                    message:
                        "unknown time directive \(shown); known are those of strftime, %f, %1f to %9f, %E1S to %E*S")
            }
            if !literal.isEmpty { pieces.append(.literal(literal)) }
            literal = []
            pieces += parsed
            index = next
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
        return TimeFormat(pieces: pieces, isLocal: isLocal)
    }

    /// The pieces of the directive after a percent sign, and the index behind it.
    private static func directive(_ text: [UInt8], _ index: Int) -> ([Piece], Int)? {
        guard index < text.count else { return nil }
        let letter = text[index]
        let second: UInt8 = index + 1 < text.count ? text[index + 1] : 0
        let third: UInt8 = index + 2 < text.count ? text[index + 2] : 0
        if letter >= UInt8(ascii: "1"), letter <= UInt8(ascii: "9"), second == UInt8(ascii: "f") {
            return ([.fraction(Int(letter - UInt8(ascii: "0")))], index + 2)
        }
        guard letter == UInt8(ascii: "E") else { return simple[letter].map { ($0, index + 1) } }
        switch (second, third) {
        case (UInt8(ascii: "z"), _): return ([.zoneOffsetColon], index + 2)
        case (UInt8(ascii: "T"), _): return ([.literal([UInt8(ascii: "T")])], index + 2)
        case (UInt8(ascii: "4"), UInt8(ascii: "Y")): return ([.year], index + 3)
        case (UInt8(ascii: "*"), UInt8(ascii: "S")): return ([.secondWithFraction], index + 3)
        case (UInt8(ascii: "*"), UInt8(ascii: "f")): return ([.fraction(0)], index + 3)
        case (UInt8(ascii: "0"), UInt8(ascii: "S")): return ([.second], index + 3)
        case (UInt8(ascii: "1")...UInt8(ascii: "9"), UInt8(ascii: "S")):
            return ([.second, .literal([UInt8(ascii: ".")]), .fraction(Int(second - UInt8(ascii: "0")))], index + 3)
        case (UInt8(ascii: "1")...UInt8(ascii: "9"), UInt8(ascii: "f")):
            return ([.fraction(Int(second - UInt8(ascii: "0")))], index + 3)
        default: return nil
        }
    }

    // MARK: Printing

    private static let weekdays: [StaticString] = [
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    ]
    private static let months: [StaticString] = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]

    /// Prints nanoseconds since 1970.
    func append(_ instant: Int64, to output: inout Output) {
        if pieces.isEmpty, !isLocal { return output.append(standardTime: instant) }
        let second = instant.floorDivided(by: 1_000_000_000)
        let nanosecond = Int(instant &- second &* 1_000_000_000)
        var broken = tm()
        var time = time_t(second)
        if isLocal { localtime_r(&time, &broken) } else { gmtime_r(&time, &broken) }
        if pieces.isEmpty {
            for piece in Self.standardLocal { append(piece, broken, second, nanosecond, &output) }
            return
        }
        for piece in pieces { append(piece, broken, second, nanosecond, &output) }
    }

    /// RFC 3339 with the zone's offset.
    private static let standardLocal: [Piece] = {
        func text(_ text: String) -> Piece { .literal(Array(text.utf8)) }
        return [
            .year, text("-"), .month, text("-"), .day, text("T"), .hour, text(":"), .minute, text(":"), .second,
            text("."), .fraction(3), .zoneOffset,
        ]
    }()

    private func append(
        _ piece: Piece, _ time: tm, _ second: Int64, _ nanosecond: Int, _ output: inout Output
    ) {
        switch piece {
        case .literal(let bytes): output.append(bytes)
        case .year: output.append(decimal: Int(time.tm_year) + 1900)
        case .shortYear: output.append(padded: Int(time.tm_year) + 1900, width: 2)
        case .month: output.append(padded: Int(time.tm_mon) + 1, width: 2)
        case .day: output.append(padded: Int(time.tm_mday), width: 2)
        case .spaceDay:
            if time.tm_mday < 10 { output.append(UInt8(ascii: " ")) }
            output.append(decimal: Int(time.tm_mday))
        case .hour: output.append(padded: Int(time.tm_hour), width: 2)
        case .hour12: output.append(padded: (Int(time.tm_hour) + 11) % 12 + 1, width: 2)
        case .minute: output.append(padded: Int(time.tm_min), width: 2)
        case .second: output.append(padded: Int(time.tm_sec), width: 2)
        case .dayOfYear: output.append(padded: Int(time.tm_yday) + 1, width: 3)
        case .weekdayName: output.append(Self.weekdays[Int(time.tm_wday)])
        case .shortWeekdayName: output.append(Self.weekdays[Int(time.tm_wday)].utf8Start, 3)
        case .monthName: output.append(Self.months[Int(time.tm_mon)])
        case .shortMonthName: output.append(Self.months[Int(time.tm_mon)].utf8Start, 3)
        case .amPM: output.append(time.tm_hour < 12 ? "AM" : "PM")
        case .weekday: output.append(decimal: Int(time.tm_wday))
        case .isoWeekday: output.append(decimal: (Int(time.tm_wday) + 6) % 7 + 1)
        case .epoch: output.append(decimal: second)
        case .zoneName:
            if isLocal, let zone = time.tm_zone {
                output.append(UnsafeRawPointer(zone).assumingMemoryBound(to: UInt8.self), strlen(zone))
            } else {
                output.append("UTC")
            }
        case .zoneOffset: appendOffset(time, colon: false, &output)
        case .zoneOffsetColon: appendOffset(time, colon: true, &output)
        case .fraction(let digits): appendFraction(nanosecond, digits, &output)
        case .secondWithFraction:
            output.append(padded: Int(time.tm_sec), width: 2)
            guard nanosecond > 0 else { return }
            output.append(UInt8(ascii: "."))
            appendFraction(nanosecond, 0, &output)
        }
    }

    private func appendOffset(_ time: tm, colon: Bool, _ output: inout Output) {
        let offset = isLocal ? Int(time.tm_gmtoff) : 0
        output.append(UInt8(ascii: offset < 0 ? "-" : "+"))
        let minutes = abs(offset) / 60
        output.append(padded: minutes / 60, width: 2)
        if colon { output.append(UInt8(ascii: ":")) }
        output.append(padded: minutes % 60, width: 2)
    }

    /// `digits` of the fraction, or with 0 as many as it has.
    private func appendFraction(_ nanosecond: Int, _ digits: Int, _ output: inout Output) {
        let start = output.count
        output.append(padded: nanosecond, width: 9)
        if digits > 0 {
            output.count = start + digits
        } else {
            while output.count > start + 1, output.base[output.count - 1] == UInt8(ascii: "0") { output.count -= 1 }
        }
    }
}

extension Int64 {
    /// Division that rounds down, so that instants before 1970 keep a fraction from 0.
    @inline(__always) func floorDivided(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self < quotient &* divisor ? quotient &- 1 : quotient
    }
}

extension Output {
    /// `2026-11-23T18:24:52.489Z`. The text up to the second is kept, as most lines share it with the one before.
    @inline(__always) mutating func append(standardTime instant: Int64) {
        let second = instant.floorDivided(by: 1_000_000_000)
        if second != cachedSecond { renderSecond(second) }
        reserve(24)
        let target = UnsafeMutableRawPointer(base + count)
        target.storeBytes(of: cachedText.0, as: UInt64.self)
        target.storeBytes(of: cachedText.1, toByteOffset: 8, as: UInt64.self)
        target.storeBytes(of: cachedText.2, toByteOffset: 16, as: UInt64.self)
        let millisecond = UInt32(truncatingIfNeeded: (instant &- second &* 1_000_000_000) / 1_000_000)
        base[count + 20] = UInt8(truncatingIfNeeded: millisecond / 100) &+ 0x30
        base[count + 21] = UInt8(truncatingIfNeeded: millisecond / 10 % 10) &+ 0x30
        base[count + 22] = UInt8(truncatingIfNeeded: millisecond % 10) &+ 0x30
        count += 24
    }

    /// `2026-11-23T18:24:52.489123Z`.
    mutating func append(microsecondTime instant: Int64) {
        append(standardTime: instant)
        count -= 1
        let second = instant.floorDivided(by: 1_000_000_000)
        append(padded: Int((instant &- second &* 1_000_000_000) / 1000 % 1000), width: 3)
        append(UInt8(ascii: "Z"))
    }

    /// Fills the cache with `YYYY-MM-DDTHH:MM:SS.000Z`.
    @inline(never) private mutating func renderSecond(_ second: Int64) {
        let start = count
        let day = second.floorDivided(by: 86_400)
        let rest = Int(second &- day &* 86_400)
        let (year, month, dayOfMonth) = Self.civil(day)
        append(padded: year, width: 4)
        append(UInt8(ascii: "-"))
        append(padded: month, width: 2)
        append(UInt8(ascii: "-"))
        append(padded: dayOfMonth, width: 2)
        append(UInt8(ascii: "T"))
        append(padded: rest / 3600, width: 2)
        append(UInt8(ascii: ":"))
        append(padded: rest / 60 % 60, width: 2)
        append(UInt8(ascii: ":"))
        append(padded: rest % 60, width: 2)
        append(".000Z")
        let text = UnsafeRawPointer(base + start)
        cachedText = (
            text.loadUnaligned(as: UInt64.self), text.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
            text.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
        )
        cachedSecond = second
        count = start
    }

    /// Proleptic Gregorian date of a day since 1970-01-01, counting years from March so that leap days come last.
    private static func civil(_ day: Int64) -> (Int, Int, Int) {
        let shifted = day &+ 719_468
        let era = shifted.floorDivided(by: 146_097)
        let dayOfEra = shifted &- era &* 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era &* 400 + (month <= 2 ? 1 : 0)
        return (Int(year), Int(month), Int(dayOfMonth))
    }
}
