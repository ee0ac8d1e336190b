-- What wrk sends: POST /scores, a thousand UUIDs in turn; its last line is what came of it, as JSON.

local requests, at = {}, 0

function init()
  for number = 0, 999 do
    local body = string.format('{"UUID":"5ca1ab1e-0000-4000-8000-%012d","score":%d}', number, number % 6)
    requests[number] = wrk.format('POST', wrk.path, { ['Content-Type'] = 'application/json' }, body)
  end
end

function request()
  at = (at + 1) % 1000
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"microseconds":%d,"errors":%d,"p50_us":%d,"p99_us":%d}\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)
  ))
end
