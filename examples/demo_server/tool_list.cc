#include "examples/demo_server/tools.h"

namespace mcpbridge::demo {

std::string ToolListResult(int more) {
  std::string result =
      R"json({"tools":[)json"
      R"json({"name":"my_tool","title":"My tool","description":"Looks something up; takes a while.",)json"
      R"json("inputSchema":{"type":"object","properties":{"query":{"type":"string","description":"What to look up"}},"required":["query"]},)json"
      R"json("annotations":{"title":"My tool","readOnlyHint":true,"openWorldHint":false}},)json"
      R"json({"name":"echo","description":"Answers its text.",)json"
      R"json("inputSchema":{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]},)json"
      R"json("annotations":{"readOnlyHint":true,"idempotentHint":true,"openWorldHint":false}},)json"
      R"json({"name":"sleep","description":"Answers after a while.",)json"
      R"json("inputSchema":{"type":"object","properties":{"ms":{"type":"integer","minimum":0,"description":"Milliseconds"}},"required":["ms"]},)json"
      R"json("annotations":{"readOnlyHint":true,"openWorldHint":false}},)json"
      R"json({"name":"fail","description":"Runs and reports a failure of its own.",)json"
      R"json("inputSchema":{"type":"object","properties":{"message":{"type":"string"}}},)json"
      R"json("annotations":{"readOnlyHint":true,"openWorldHint":false}},)json"
      R"json({"name":"count","description":"Counts, reporting progress if asked to.",)json"
      R"json("inputSchema":{"type":"object","properties":{"to":{"type":"integer","minimum":0,"maximum":1000000},"interval_ms":{"type":"integer","minimum":0,"default":0}},"required":["to"]},)json"
      R"json("annotations":{"readOnlyHint":true,"openWorldHint":false}},)json"
      R"json({"name":"bytes","description":"Answers n bytes of text.",)json"
      R"json("inputSchema":{"type":"object","properties":{"n":{"type":"integer","minimum":0,"maximum":268435456}},"required":["n"]},)json"
      R"json("annotations":{"readOnlyHint":true,"openWorldHint":false}},)json"
      R"json({"name":"add","description":"Adds two numbers; the sum is structured content.",)json"
      R"json("inputSchema":{"type":"object","properties":{"a":{"type":"number"},"b":{"type":"number"}},"required":["a","b"]},)json"
      R"json("outputSchema":{"type":"object","properties":{"sum":{"type":"number"}},"required":["sum"]},)json"
      R"json("annotations":{"readOnlyHint":true,"idempotentHint":true,"openWorldHint":false}},)json"
      R"json({"name":"image","description":"Answers a PNG of one pixel.",)json"
      R"json("inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true,"openWorldHint":false}},)json"
      R"json({"name":"mixed","description":"Answers one block of every kind of content.",)json"
      R"json("inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true,"openWorldHint":false}},)json"
      R"json({"name":"stats","description":"Answers the server's counters, as JSON text.",)json"
      R"json("inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true,"openWorldHint":false}})json";
  for (int i = 0; i < more; ++i) {
    result.append(R"json(,{"name":"tool_)json").append(std::to_string(i));
    result.append(
        R"json(","description":"Answers its text, one of many.",)json"
        R"json("inputSchema":{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]},)json"
        R"json("annotations":{"readOnlyHint":true,"idempotentHint":true,"openWorldHint":false}})json");
  }
  return result.append("]}");
}

}  // namespace mcpbridge::demo
