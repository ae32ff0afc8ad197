#include "server/frontend/grpc/status.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

#include <string>

namespace mcpbridge {
namespace {

using std::chrono::milliseconds;

struct Details {
  google::rpc::Status status;
  google::rpc::ErrorInfo info;
  google::rpc::RetryInfo retry;
};

Details DetailsOf(const grpc::Status& status) {
  Details details;
  EXPECT_TRUE(details.status.ParseFromString(status.error_details()));
  for (const auto& any : details.status.details()) {
    EXPECT_TRUE(any.UnpackTo(&details.info) || any.UnpackTo(&details.retry));
  }
  return details;
}

Error UpstreamError(long long code) {
  return Error{.reason = Reason::kUpstreamError,
               .message = "no",
               .upstream = Error::UpstreamRpcError{.code = code, .data = R"({"a":1})"}};
}

TEST(GrpcStatusTest, EveryReasonCarriesItsRow) {
  for (const Reason reason : AllReasons()) {
    const grpc::Status status = ToGrpcStatus({.reason = reason, .message = "why"});
    EXPECT_EQ(status.error_code(), InfoOf(reason).grpc_code);
    EXPECT_EQ(status.error_message(), "why");
    const Details details = DetailsOf(status);
    EXPECT_EQ(details.status.code(), InfoOf(reason).grpc_code);
    EXPECT_EQ(details.status.message(), "why");
    EXPECT_EQ(details.info.reason(), InfoOf(reason).name);
    EXPECT_EQ(details.info.domain(), "mcpbridge");
    EXPECT_EQ(details.status.details_size(), 1);
  }
}

TEST(GrpcStatusTest, FactsTravel) {
  const Details details = DetailsOf(ToGrpcStatus({.reason = Reason::kOverloaded,
                                                  .message = "full",
                                                  .metadata = {{"server", "a"}, {"limit", "2"}},
                                                  .retry_after = milliseconds(1500)}));
  EXPECT_EQ(details.info.metadata().at("server"), "a");
  EXPECT_EQ(details.info.metadata().at("limit"), "2");
  EXPECT_EQ(details.info.metadata().count("truncated"), 0u);
  EXPECT_EQ(details.retry.retry_delay().seconds(), 1);
  EXPECT_EQ(details.retry.retry_delay().nanos(), 500'000'000);
}

TEST(GrpcStatusTest, TheServersOwnCodeDecides) {
  const auto code = [](long long jsonrpc) {
    return ToGrpcStatus(UpstreamError(jsonrpc)).error_code();
  };
  EXPECT_EQ(code(-32700), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(code(-32600), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(code(-32602), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(code(-32601), grpc::UNIMPLEMENTED);
  EXPECT_EQ(code(-32603), grpc::INTERNAL);
  EXPECT_EQ(code(-32001), grpc::UNKNOWN);
  EXPECT_EQ(code(0), grpc::UNKNOWN);
  const Details details = DetailsOf(ToGrpcStatus(UpstreamError(-32001)));
  EXPECT_EQ(details.info.reason(), "UPSTREAM_ERROR");
  EXPECT_EQ(details.info.metadata().at("jsonrpc_code"), "-32001");
  EXPECT_EQ(details.info.metadata().at("jsonrpc_data"), R"({"a":1})");
}

TEST(GrpcStatusTest, RawDataIsAFactToo) {
  const Details details =
      DetailsOf(ToGrpcStatus({.reason = Reason::kMissingClientCapability,
                              .message = "m",
                              .raw_data = {{"requiredCapabilities", R"({"roots":{}})"}}}));
  EXPECT_EQ(details.info.metadata().at("requiredCapabilities"), R"({"roots":{}})");
}

TEST(GrpcStatusTest, InvalidUtf8IsReplaced) {
  EXPECT_EQ(ValidUtf8("a\xff"
                      "b\xc3"),
            "a?b?");
  EXPECT_EQ(ValidUtf8("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
            "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(ValidUtf8("\xc0\x80"), "??");            // overlong
  EXPECT_EQ(ValidUtf8("\xed\xa0\x80"), "???");       // a surrogate
  EXPECT_EQ(ValidUtf8("\xf4\x90\x80\x80"), "????");  // beyond U+10FFFF
  EXPECT_EQ(ValidUtf8("\xe2\x82"), "??");
  EXPECT_EQ(ToGrpcStatus({.message = "\xfe"}).error_message(), "?");
}

// What the trailers weigh on the wire: percent-encoded message and base64 details.
std::size_t WireBytes(const grpc::Status& status) {
  std::size_t bytes = 256;  // names and HTTP/2's 32 bytes per header
  for (const char c : status.error_message()) bytes += c >= ' ' && c <= '~' && c != '%' ? 1 : 3;
  return bytes + (status.error_details().size() + 2) / 3 * 4;
}

TEST(GrpcStatusTest, TrailersStayBelowWhatClientsTake) {
  for (const std::string piece : {"m", "%", "\xe2\x82\xac"}) {
    Error error = UpstreamError(-32000);
    error.message.clear();
    error.upstream->data.clear();
    for (int i = 0; i < 20'000; ++i) error.message += piece;
    for (int i = 0; i < 20'000; ++i) error.upstream->data += piece;
    error.metadata = {{"server", "a"}, {std::string(5000, 'k'), "v"}};
    error.retry_after = milliseconds(1);
    const grpc::Status status = ToGrpcStatus(error);
    EXPECT_LT(WireBytes(status), 8192u);
    EXPECT_EQ(ValidUtf8(status.error_message()), status.error_message());
    const Details details = DetailsOf(status);
    EXPECT_EQ(details.info.metadata().at("server"), "a");
    EXPECT_EQ(details.info.metadata().at("jsonrpc_code"), "-32000");
    EXPECT_EQ(details.info.metadata().at("truncated").substr(0, 10), "message,kk");
    EXPECT_GT(details.info.metadata().at("jsonrpc_data").size(), 1000u);
  }
}

TEST(GrpcStatusTest, AMessageThatFitsIsWhole) {
  const std::string message(2048, 'm');
  EXPECT_EQ(ToGrpcStatus({.message = message}).error_message(), message);
  EXPECT_EQ(ToGrpcStatus({.message = message + "m"}).error_message(), message);
}

}  // namespace
}  // namespace mcpbridge
