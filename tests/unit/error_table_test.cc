// Every row of the error table, as HTTP shows it; grpc_status_test.cc has the other front.

#include <gtest/gtest.h>

#include "server/frontend/http/response.h"

namespace mcpbridge {
namespace {

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(ErrorTableTest, EveryReasonCarriesItsRowOverHttp) {
  for (const Reason reason : AllReasons()) {
    const ReasonInfo& info = InfoOf(reason);
    const HttpResponse response =
        HttpResponse::FromError("7", {.reason = reason,
                                      .message = "why",
                                      .metadata = {{"server", "a"}},
                                      .retry_after = std::chrono::milliseconds(1500)});
    EXPECT_EQ(static_cast<int>(response.status), info.http_status) << info.name;
    EXPECT_TRUE(Has(response.body, "\"code\":" + std::to_string(info.jsonrpc_code)))
        << response.body;
    EXPECT_TRUE(Has(response.body, "\"reason\":\"" + std::string(info.name) + '"'))
        << response.body;
    EXPECT_TRUE(Has(response.body, R"("id":7)")) << response.body;
    EXPECT_TRUE(Has(response.body, R"("message":"why")")) << response.body;
    EXPECT_TRUE(Has(response.body, R"("server":"a")")) << response.body;
    EXPECT_EQ(Has(response.headers, "Retry-After: 2\r\n"), info.http_status != 200) << info.name;
  }
}

TEST(ErrorTableTest, ACodeOfGrpcsAndAReasonsNameAreThereForEach) {
  for (const Reason reason : AllReasons()) {
    EXPECT_GE(InfoOf(reason).grpc_code, 1);
    EXPECT_LE(InfoOf(reason).grpc_code, 16);
    EXPECT_FALSE(InfoOf(reason).name.empty());
  }
}

}  // namespace
}  // namespace mcpbridge
