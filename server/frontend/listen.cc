#include "server/frontend/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace mcpbridge {
namespace {

class Socket {
 public:
  explicit Socket(int family) : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }

 private:
  const int fd_;
};

std::string Describe(int error) {
  if (error == EADDRINUSE) return "the address is already in use by another process";
  return std::generic_category().message(error);
}

// False: the path is too long for a socket.
bool ToSockaddr(const std::string& path, sockaddr_un& out) {
  out = {};
  out.sun_family = AF_UNIX;
  if (path.size() >= sizeof(out.sun_path)) return false;
  std::memcpy(out.sun_path, path.data(), path.size());
  return true;
}

template <class Sockaddr>
int BindError(const Socket& socket, const Sockaddr& address) {
  const int on = 1;
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const auto* raw = reinterpret_cast<const sockaddr*>(&address);
  if (socket.fd() < 0 || ::bind(socket.fd(), raw, sizeof(address)) != 0) return errno;
  return ::listen(socket.fd(), 1) != 0 ? errno : 0;
}

int TcpBindError(const ListenAddress& address) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(address.port);
  if (::inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1)
    return BindError(Socket(AF_INET), v4);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(address.port);
  if (::inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) != 1) return EINVAL;
  return BindError(Socket(AF_INET6), v6);
}

std::optional<std::string> ObstacleToUnix(const std::string& path) {
  sockaddr_un address;
  if (!ToSockaddr(path, address)) return "the path is too long for a unix socket";
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    const int error = BindError(Socket(AF_UNIX), address);
    if (error != 0) return Describe(error);
    ::unlink(path.c_str());
    return std::nullopt;
  }
  if (!S_ISSOCK(info.st_mode)) return "there is a file of that name which is not a socket";
  const Socket probe(AF_UNIX);
  if (::connect(probe.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    return "another process listens there";
  }
  if (errno == ECONNREFUSED) {
    ::unlink(path.c_str());
    return std::nullopt;
  }
  return "the socket there can't be tried: " + Describe(errno);
}

}  // namespace

std::optional<Error> PrepareToListen(const ListenAddress& address) {
  std::optional<std::string> obstacle;
  if (address.is_unix()) {
    obstacle = ObstacleToUnix(address.unix_path);
  } else if (const int error = TcpBindError(Resolved(address)); error != 0) {
    obstacle = Describe(error);
  }
  if (!obstacle) return std::nullopt;
  return Error{.reason = Reason::kInternal, .message = *std::move(obstacle)};
}

ListenAddress Resolved(ListenAddress address) {
  if (address.host == "localhost") address.host = "127.0.0.1";
  return address;
}

Error CannotListen(const std::string& front, const std::string& setting,
                   const ListenAddress& address, const std::string& why) {
  return Error{.reason = Reason::kInternal,
               .message = "can't listen for " + front + " on " + address.ToString() + ": " + why +
                          " (bridge." + setting + ", --" + setting + ")"};
}

PrivateFiles::PrivateFiles() : before_(::umask(S_IRWXG | S_IRWXO | S_IXUSR)) {}
PrivateFiles::~PrivateFiles() { ::umask(before_); }

}  // namespace mcpbridge
