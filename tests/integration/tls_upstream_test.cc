// TLS to a server, with the programs themselves: whom the bridge trusts is OpenSSL's default, which
// SSL_CERT_FILE replaces.

#include <gtest/gtest.h>
#include <signal.h>

#include <optional>
#include <regex>
#include <string>

#include "tests/fakes/temp_folder.h"
#include "tests/fakes/test_certificate.h"
#include "tests/fakes/test_http.h"
#include "tests/fakes/test_process.h"

namespace mcpbridge {
namespace {

constexpr std::chrono::seconds kPatience{30};

constexpr char kCall[] =
    R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hi"}}})";

class TlsUpstreamTest : public testing::Test {
 protected:
  // The answer to a call, with a server that shows `shown` and a bridge that trusts `trusted`.
  std::string CallWith(const TestCertificate& shown, const TestCertificate& trusted) {
    TestProcess server({MCP_DEMO_SERVER, "--port=0",
                        "--tls_cert=" + folder_.Write("shown.pem", shown.certificate),
                        "--tls_key=" + folder_.Write("key.pem", shown.key)});
    const std::string url = Match(server, "listening on (https://.*)");
    TestProcess bridge(
        {MCP_BRIDGE,
         "--config=" +
             folder_.Write("config.yaml",
                           "mcp_servers: {safe: {url: \"" + url +
                               "\"}}\nbridge: {http_listen: "
                               "\"127.0.0.1:0\", grpc_listen: "
                               "\"127.0.0.1:0\", admin_listen: off, log_level: error}\n")},
        {"SSL_CERT_FILE=" + folder_.Write("trusted.pem", trusted.certificate)});
    const std::string port = Match(bridge, "^ready http=127.0.0.1:([0-9]+) ");
    if (port.empty()) return "";
    std::string body = TestHttpClient(static_cast<std::uint16_t>(std::stoi(port))).Post(kCall).body;
    bridge.Signal(SIGTERM);
    EXPECT_EQ(bridge.Wait(kPatience), 0);
    return body;
  }

 private:
  static std::string Match(TestProcess& process, const std::string& pattern) {
    const std::optional<std::string> line = process.ReadLine(kPatience);
    std::smatch match;
    if (line && std::regex_search(*line, match, std::regex(pattern))) return match[1];
    ADD_FAILURE() << line.value_or("nothing was printed");
    return "";
  }

  const TempFolder folder_;
};

TEST_F(TlsUpstreamTest, ACertificateThatIsTrustedAndNamesTheServerIsAccepted) {
  const TestCertificate certificate = MakeCertificate("IP:127.0.0.1");
  EXPECT_NE(CallWith(certificate, certificate).find(R"("text":"hi")"), std::string::npos);
}

TEST_F(TlsUpstreamTest, AnyOtherIsRefusedBeforeAnythingIsSent) {
  const TestCertificate good = MakeCertificate("IP:127.0.0.1");
  const TestCertificate other_name = MakeCertificate("DNS:other.example");
  const TestCertificate expired = MakeCertificate("IP:127.0.0.1", 0);
  for (const std::string& answer : {CallWith(MakeCertificate("IP:127.0.0.1"), good),
                                    CallWith(other_name, other_name), CallWith(expired, expired)}) {
    EXPECT_NE(answer.find("UPSTREAM_UNAVAILABLE"), std::string::npos) << answer;
    EXPECT_NE(answer.find("certificate verify failed"), std::string::npos) << answer;
  }
}

}  // namespace
}  // namespace mcpbridge
