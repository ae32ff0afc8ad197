#include "server/app/config_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>

namespace mcpbridge {
namespace {

namespace fs = std::filesystem;

// As deep as the kernel itself follows them.
constexpr int kMostLinks = 40;

fs::path FolderOf(const fs::path& file) {
  const fs::path folder = file.parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

}  // namespace

ConfigWatch::ConfigWatch(std::string file)
    : file_(std::move(file)), fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  Renew();
}

ConfigWatch::~ConfigWatch() {
  if (fd_ >= 0) close(fd_);
}

void ConfigWatch::Add(const std::string& path) {
  // Whole files only: what is still being written is of no use yet. One that is watched already
  // stays one watch.
  constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                    IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF;
  inotify_add_watch(fd_, path.c_str(), kEvents);
}

void ConfigWatch::Renew() {
  if (fd_ < 0) return;
  alignas(inotify_event) std::array<char, 4096> events;
  while (read(fd_, events.data(), events.size()) > 0) {
  }
  // The file itself, too: mounted alone it has no folder that anything happens in.
  fs::path at = file_;
  for (int links = 0; links < kMostLinks; ++links) {
    Add(FolderOf(at).string());
    std::error_code error;
    const fs::path target = fs::read_symlink(at, error);
    if (error) break;
    at = target.is_absolute() ? target : FolderOf(at) / target;
  }
  Add(at.string());
  // A folder on the way may be a link as well: of `..data/file` the link is in the file's folder,
  // and what it leads to is here.
  std::error_code error;
  const fs::path real = fs::canonical(file_, error);
  if (!error) Add(FolderOf(real).string());
}

}  // namespace mcpbridge
