// Struct to JSON and back: arguments that come typed over gRPC, and results that leave so.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "server/protojson/struct_json.h"

namespace mcpbridge::bench {
namespace {

constexpr const char* kSmall = R"({"text":"hello"})";

// So many objects of five members.
std::string JsonOf(std::int64_t objects) {
  if (objects == 0) return kSmall;
  std::string json = R"({"rows":[)";
  for (std::int64_t i = 0; i < objects; ++i) {
    if (i > 0) json += ',';
    json += R"({"id":)" + std::to_string(i) +
            R"(,"name":"a name of some length","share":0.25,"ok":true,"tags":["a","b"]})";
  }
  return json + "]}";
}

// 0: one short string.
void Objects(benchmark::internal::Benchmark* bench) { bench->Arg(0)->Arg(10)->Arg(1000); }

void JsonToStruct(benchmark::State& state) {
  const std::string json = JsonOf(state.range(0));
  for (auto _ : state) {
    google::protobuf::Struct value;
    if (TextToStruct(json, value) != FromJson::kDone) state.SkipWithError("it wasn't read");
    benchmark::DoNotOptimize(value);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(json.size()));
}
BENCHMARK(JsonToStruct)->Apply(Objects);

void StructToText(benchmark::State& state) {
  const std::string json = JsonOf(state.range(0));
  google::protobuf::Struct value;
  if (TextToStruct(json, value) != FromJson::kDone) state.SkipWithError("it wasn't read");
  for (auto _ : state) {
    auto text = StructToJson(value);
    benchmark::DoNotOptimize(text);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(json.size()));
}
BENCHMARK(StructToText)->Apply(Objects);

}  // namespace
}  // namespace mcpbridge::bench
