-- What wrk sends: the requests of the file that it is given, in turn; its last line is what came of them, as JSON.

local requests, count, at = {}, 0, 0

function init(arguments)
  local file = assert(io.open(arguments[1], 'rb'))
  for one in file:read('*a'):gmatch('%Z+') do
    count = count + 1
    requests[count] = one
  end
  file:close()
end

function request()
  at = at % count + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%f,"errors":%d,"p50_us":%d,"p90_us":%d,"p99_us":%d,"p99_9_us":%d,"max_us":%d}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency:percentile(99.9), latency.max
  ))
end
