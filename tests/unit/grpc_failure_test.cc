// What the status of an RPC to a server says, as callers get it.

#include "server/upstream/grpc_failure.h"

#include <gtest/gtest.h>

#include <string>

#include "server/frontend/grpc/status.h"

namespace mcpbridge {
namespace {

using grpc::StatusCode;

constexpr std::size_t kLimit = 1000;

Error Of(const grpc::Status& status, bool sent = true, const std::string& code = "") {
  return ErrorOf(
      {.status = status, .sent = sent, .mcp_error_code = code, .response_bytes = kLimit});
}

std::string NameOf(const Error& error) { return std::string(InfoOf(error.reason).name); }

TEST(GrpcFailureTest, WhatWasNotSentDidNotRun) {
  EXPECT_EQ(NameOf(Of({StatusCode::UNAVAILABLE, "refused"}, /*sent=*/false)),
            "UPSTREAM_UNAVAILABLE");
  EXPECT_EQ(NameOf(Of({StatusCode::UNAVAILABLE, "reset"})), "UPSTREAM_LOST");
  EXPECT_EQ(NameOf(Of({StatusCode::CANCELLED, ""})), "UPSTREAM_LOST");
  EXPECT_EQ(NameOf(Of({StatusCode::DEADLINE_EXCEEDED, ""}, /*sent=*/false)), "DEADLINE_EXCEEDED");
}

TEST(GrpcFailureTest, TheServersOwnCodeComesBack) {
  const Error error = Of({StatusCode::UNKNOWN, "no"}, true, "-32042");
  EXPECT_EQ(NameOf(error), "UPSTREAM_ERROR");
  EXPECT_EQ(error.upstream->code, -32042);
  EXPECT_EQ(error.message, "no");
  EXPECT_EQ(Of({StatusCode::UNKNOWN, "no"}, true, "1x").upstream->code, -32603);
}

TEST(GrpcFailureTest, AStatusAloneHasTheCodeThatItStandsFor) {
  const auto code = [](StatusCode status) { return Of({status, "m"}).upstream->code; };
  EXPECT_EQ(code(StatusCode::INVALID_ARGUMENT), -32602);
  EXPECT_EQ(code(StatusCode::NOT_FOUND), -32602);
  EXPECT_EQ(code(StatusCode::UNIMPLEMENTED), -32601);
  EXPECT_EQ(code(StatusCode::INTERNAL), -32603);
  EXPECT_EQ(code(StatusCode::UNAUTHENTICATED), -32603);
}

TEST(GrpcFailureTest, OnlyOurOwnLimitIsTheAnswers) {
  const auto too_large = [](const std::string& limit) {
    return NameOf(Of({StatusCode::RESOURCE_EXHAUSTED,
                      "Received message larger than max (2000 vs. " + limit + ")"}));
  };
  EXPECT_EQ(too_large("1000"), "RESPONSE_TOO_LARGE");
  EXPECT_EQ(too_large("4194304"), "UPSTREAM_ERROR") << "the server's, for our request";
  EXPECT_EQ(NameOf(Of({StatusCode::RESOURCE_EXHAUSTED, "busy"})), "UPSTREAM_ERROR");
}

// What a bridge behind has said, with the trailer that its Google service adds.
Error Through(const Error& inner) {
  const long long code = inner.upstream ? inner.upstream->code : InfoOf(inner.reason).jsonrpc_code;
  return Of(ToGrpcStatus(inner), true, std::to_string(code));
}

TEST(GrpcFailureTest, TheReasonOfABridgeBehindStays) {
  for (const Reason reason :
       {Reason::kToolNotFound, Reason::kInvalidArguments, Reason::kDeadlineExceeded,
        Reason::kUpstreamUnavailable, Reason::kUpstreamLost, Reason::kOverloaded,
        Reason::kResponseTooLarge, Reason::kMissingClientCapability}) {
    const Error error = Through({.reason = reason,
                                 .message = "m",
                                 .metadata = {{"server", "s"}},
                                 .raw_data = {{"requiredCapabilities", R"({"roots":{}})"}},
                                 .retry_after = std::chrono::milliseconds(1500)});
    EXPECT_EQ(error.reason, reason);
    EXPECT_EQ(error.message, "m");
    EXPECT_EQ(error.metadata, (decltype(error.metadata){{"server", "s"}}));
    EXPECT_EQ(error.raw_data,
              (decltype(error.raw_data){{"requiredCapabilities", R"({"roots":{}})"}}));
    EXPECT_EQ(error.retry_after, std::chrono::milliseconds(1500));
  }
}

TEST(GrpcFailureTest, WhatConcernsTheTwoBridgesOnlyDoesNot) {
  EXPECT_EQ(NameOf(Through({.reason = Reason::kShuttingDown})), "UPSTREAM_UNAVAILABLE");
  EXPECT_EQ(NameOf(Through({.reason = Reason::kCancelled})), "UPSTREAM_LOST");
  const Error key = Through({.reason = Reason::kUnauthenticated, .message = "wrong key"});
  EXPECT_EQ(NameOf(key), "UPSTREAM_ERROR") << "the caller's own key is another";
  EXPECT_EQ(key.upstream->code, -32600);
}

TEST(GrpcFailureTest, AServersErrorComesThroughABridgeWhole) {
  const Error error =
      Through({.reason = Reason::kUpstreamError,
               .message = "no",
               .upstream = Error::UpstreamRpcError{.code = -32042, .data = R"({"a":1})"}});
  EXPECT_EQ(NameOf(error), "UPSTREAM_ERROR");
  EXPECT_EQ(error.upstream->code, -32042);
  EXPECT_EQ(error.upstream->data, R"({"a":1})");
  EXPECT_TRUE(error.metadata.empty());
}

}  // namespace
}  // namespace mcpbridge
