import Testing

@testable import Reactor

/// The wheel is compared with what a plain list of deadlines would do.
@Suite struct TimerWheelTests {
    final class Recorder: Handler {
        var fired: [Int64] = []
        var wheel: TimerWheel?
        var now: Int64 = 0
        override func timerFired(_ timer: Timer) { fired.append(timer.deadline) }
    }

    static let millisecond: Int64 = 1_000_000

    @Test(arguments: [1, 5, 255, 256, 257, 1_000, 16_383, 16_384, 20_000, 1_048_575, 1_048_577, 5_000_000, 100_000_000])
    func aTimerFiresInTheFirstTurnAtOrAfterItsDeadlineAndNeverBefore(milliseconds: Int64) {
        let recorder = Recorder()
        let start: Int64 = 123_456_789
        let wheel = TimerWheel(now: start)
        let timer = Timer(owner: recorder)
        let deadline = start + milliseconds * Self.millisecond
        wheel.arm(timer, deadline: deadline)
        wheel.advance(to: deadline - 1)
        #expect(recorder.fired.isEmpty)
        wheel.advance(to: deadline + 2 * Self.millisecond)
        #expect(recorder.fired == [deadline])
        #expect(!timer.isArmed)
        #expect(wheel.count == 0)
    }

    @Test func theNextWakeIsNeverAfterTheFirstDeadline() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let recorder = Recorder()
            let wheel = TimerWheel(now: 0)
            let timers = (0..<20).map { _ in Timer(owner: recorder) }
            var deadlines: [Int64] = []
            for timer in timers {
                let deadline = Int64.random(in: 1...2_000_000, using: &random) * 1_000
                deadlines.append(deadline)
                wheel.arm(timer, deadline: deadline)
            }
            deadlines.sort()
            var now: Int64 = 0
            var steps = 0
            while let wake = wheel.nextWake() {
                #expect(wake > now)
                let first = try #require(deadlines.first)
                #expect(wake <= first + TimerWheel.tick)
                now = wake
                let before = recorder.fired.count
                wheel.advance(to: now)
                deadlines.removeFirst(recorder.fired.count - before)
                steps += 1
                if steps > 10_000 { break }
            }
            #expect(recorder.fired.count == 20)
            #expect(deadlines.isEmpty)
        }
    }

    @Test func armingCancellingAndRearmingInRandomOrderFiresWhatAListWouldFire() {
        var random = SystemRandomNumberGenerator()
        let recorder = Recorder()
        let wheel = TimerWheel(now: 0)
        let timers = (0..<50).map { _ in Timer(owner: recorder) }
        var model: [Int: Int64] = [:]
        var now: Int64 = 0
        for _ in 0..<20_000 {
            let index = Int.random(in: 0..<timers.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                let deadline = now + Int64.random(in: 1...400_000, using: &random) * 10_000
                wheel.arm(timers[index], deadline: deadline)
                model[index] = deadline
            case 2:
                wheel.cancel(timers[index])
                model[index] = nil
            default:
                now += Int64.random(in: 0...30_000, using: &random) * 10_000
                recorder.fired = []
                wheel.advance(to: now)
                let tick = TimerWheel.tick
                let due = model.filter { ($0.value + tick - 1) / tick <= now / tick }
                #expect(recorder.fired.sorted() == due.values.sorted())
                for key in due.keys { model[key] = nil }
            }
            #expect(wheel.count == model.count)
        }
        for timer in timers { wheel.cancel(timer) }
        #expect(wheel.count == 0)
    }
}
