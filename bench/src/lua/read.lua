-- Reads users by random ids. Arguments: a file with one id a line, and a bearer token if there is one.
local requests = {}

function init(arguments)
  math.randomseed(os.time())
  local headers = {}
  if arguments[2] then
    headers["Authorization"] = "Bearer " .. arguments[2]
  end
  for id in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("GET", "/users/" .. id, headers)
  end
end

function request()
  return requests[math.random(#requests)]
end
