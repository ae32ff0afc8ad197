#include "server/healthcheck.h"

#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <cstdio>
#include <utility>

#include "grpc/health/v1/health.grpc.pb.h"

namespace mcpbridge {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// In gRPC's spelling; with a scheme, so that no resolver is asked.
std::string TargetOf(ListenAddress address) {
  if (address.is_unix()) return address.ToString();
  if (address.host == "0.0.0.0" || address.host == "localhost") address.host = "127.0.0.1";
  if (address.host == "::") address.host = "::1";
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "ipv6:" : "ipv4:") + address.ToString();
}

std::shared_ptr<grpc::Channel> ChannelTo(const ListenAddress& address) {
  grpc::ChannelArguments arguments;
  // The bridge is on this machine: a proxy from the environment isn't on the way to it.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(TargetOf(address), grpc::InsecureChannelCredentials(),
                                   arguments);
}

}  // namespace

HealthAnswer AskHealth(const ListenAddress& address, const std::string& service,
                       std::chrono::milliseconds timeout) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  HealthCheckRequest request;
  request.set_service(service);
  HealthCheckResponse response;
  const auto stub = Health::NewStub(ChannelTo(address));
  const grpc::Status status = stub->Check(&context, request, &response);
  if (status.ok()) {
    return {.serving = response.status() == HealthCheckResponse::SERVING,
            .text = HealthCheckResponse::ServingStatus_Name(response.status())};
  }
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return {.text = address.ToString() + " didn't answer within " +
                    std::to_string(timeout.count()) + " ms"};
  }
  return {.text = address.ToString() + ": " + status.error_message()};
}

int Healthcheck(const ListenAddress& address, const std::string& service,
                std::chrono::milliseconds timeout) {
  const HealthAnswer answer = AskHealth(address, service, timeout);
  std::fprintf(answer.serving ? stdout : stderr, "%s\n", answer.text.c_str());
  return answer.serving ? 0 : 1;
}

}  // namespace mcpbridge
