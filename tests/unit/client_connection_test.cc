#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "mcpbridge/client.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/test_certificate.h"
#include "tests/unit/fake_bridge.h"

namespace mcpbridge::client {
namespace {

using namespace std::chrono_literals;

// Who answers with this certificate, and asks for one of `callers` unless that is empty.
std::shared_ptr<grpc::ServerCredentials> ServerWith(const TestCertificate& certificate,
                                                    const std::string& callers = {}) {
  grpc::SslServerCredentialsOptions options(
      callers.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                      : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = callers;
  options.pem_key_cert_pairs.push_back(
      {.private_key = certificate.key, .cert_chain = certificate.certificate});
  return grpc::SslServerCredentials(options);
}

// How a call with these options ends; nullopt: well.
std::optional<StatusCode> EndOfCall(const std::string& address, TlsOptions tls) {
  Client client(address, {.api_key = "sk-1", .tls = std::move(tls)});
  const auto result = client.CallTool({.tool = "t"}, {.timeout = 20s});
  return result ? std::nullopt : std::optional(result.error().code);
}

TEST(Client, ReachesABridgeOnAUnixSocket) {
  const TempFolder folder;
  const std::string address = "unix:" + folder.path() + "/bridge.sock";
  FakeBridge bridge(address);
  Client client(address);
  EXPECT_TRUE(client.CallTool({.tool = "t"}, {.timeout = 20s}).ok());
  EXPECT_TRUE(client.StartCallTool({.tool = "t"}, {.timeout = 20s}).Wait().ok());
}

TEST(Client, VerifiesOverTlsWhoAnswers) {
  const auto certificate = MakeCertificate("IP:127.0.0.1");
  FakeBridge bridge("127.0.0.1:0", ServerWith(certificate));
  int calls = 0;
  bridge.on_call = [&](auto&, const auto&, auto&) {
    ++calls;
    return grpc::Status::OK;
  };
  EXPECT_EQ(EndOfCall(bridge.address(), {.root_certificates = certificate.certificate}),
            std::nullopt);
  EXPECT_EQ(calls, 1);
  // Neither one whom nobody vouches for, nor another.
  EXPECT_EQ(EndOfCall(bridge.address(), {}), StatusCode::kUnavailable);
  const auto other = MakeCertificate("IP:127.0.0.1");
  EXPECT_EQ(EndOfCall(bridge.address(), {.root_certificates = other.certificate}),
            StatusCode::kUnavailable);
  EXPECT_EQ(calls, 1);
}

TEST(Client, VerifiesTheNameOfWhoAnswers) {
  const auto certificate = MakeCertificate("DNS:bridge.example");
  FakeBridge bridge("127.0.0.1:0", ServerWith(certificate));
  EXPECT_EQ(EndOfCall(bridge.address(), {.root_certificates = certificate.certificate}),
            StatusCode::kUnavailable);
  EXPECT_EQ(EndOfCall(bridge.address(), {.root_certificates = certificate.certificate,
                                         .server_name = "bridge.example"}),
            std::nullopt);
}

TEST(Client, DoesNotTakeAnExpiredCertificate) {
  const auto certificate = MakeCertificate("IP:127.0.0.1", 0);
  FakeBridge bridge("127.0.0.1:0", ServerWith(certificate));
  EXPECT_EQ(EndOfCall(bridge.address(), {.root_certificates = certificate.certificate}),
            StatusCode::kUnavailable);
}

TEST(Client, ShowsItsOwnCertificateWhereItIsAskedFor) {
  const auto certificate = MakeCertificate("IP:127.0.0.1");
  const auto caller = MakeCertificate("DNS:caller.example");
  FakeBridge bridge("127.0.0.1:0", ServerWith(certificate, caller.certificate));
  EXPECT_EQ(EndOfCall(bridge.address(), {.root_certificates = certificate.certificate,
                                         .client_certificates = caller.certificate,
                                         .client_key = caller.key}),
            std::nullopt);
  EXPECT_EQ(EndOfCall(bridge.address(), {.root_certificates = certificate.certificate}),
            StatusCode::kUnavailable);
}

TEST(Client, NeverFallsBackToAConnectionThatIsNotEncrypted) {
  FakeBridge bridge;
  const auto certificate = MakeCertificate("IP:127.0.0.1");
  EXPECT_EQ(EndOfCall(bridge.address(), {.root_certificates = certificate.certificate}),
            StatusCode::kUnavailable);
}

TEST(Client, SaysWhatIsWrongWithItsTlsOptions) {
  FakeBridge bridge;
  const auto caller = MakeCertificate("DNS:caller.example");
  for (const auto& tls :
       {TlsOptions{.client_certificates = caller.certificate}, TlsOptions{.client_key = caller.key},
        TlsOptions{.root_certificates = "/etc/ssl/ca.pem"}}) {
    Client client(bridge.address(), {.tls = tls});
    EXPECT_EQ(client.CallTool({.tool = "t"}).error().code, StatusCode::kInvalidArgument);
    EXPECT_EQ(client.StartCallTool({.tool = "t"}).Wait().error().code,
              StatusCode::kInvalidArgument);
    EXPECT_EQ(client.ListServers().error().code, StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace mcpbridge::client
