-- Signs up people with addresses that are unique in a run. Argument: a prefix that is unique among the runs.
local prefix
local number = 0
local headers = { ["Content-Type"] = "application/json", ["Prefer"] = "respond-async" }

function init(arguments)
  prefix = arguments[1]
end

function request()
  number = number + 1
  local email = prefix .. number .. "@example.org"
  local body = '{"email":"' .. email .. '","password":"a rather long pass phrase","name":"Ada Lovelace"}'
  return wrk.format("POST", "/users", headers, body)
end
