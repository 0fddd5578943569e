-- Prints what wrk has measured, as JSON. wrk counts statuses from 400 on as errors, without telling them apart: a
-- script that needs them by status would have to look at every answer, which costs more than the answer.
function done(summary, latency)
  local errors = summary.errors
  local result = '{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"others":'
    .. '{"status 400 or more":%d,"not connected":%d,"not read":%d,"not written":%d,"timed out":%d}}'
  io.write("RESULT ", string.format(result, summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), errors.status, errors.connect, errors.read, errors.write, errors.timeout), "\n")
end
