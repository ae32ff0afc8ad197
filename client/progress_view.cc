#include "client/progress_view.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <string>

#include "client/print.h"

namespace mcpbridge::client {
namespace {

// In columns; 80 where the terminal doesn't say.
std::size_t WidthOf(std::FILE* terminal) {
  winsize size{};
  const bool known = ioctl(fileno(terminal), TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? size.ws_col : 80;
}

}  // namespace

ProgressView::ProgressView(std::FILE* out, bool quiet)
    : out_(out), quiet_(quiet), is_terminal_(isatty(fileno(out)) != 0) {}

CallEvents ProgressView::Events() {
  if (quiet_) return {};
  return {.on_progress = [this](const Progress& progress) { Show(progress); },
          .on_log = [this](const LogMessage& message) { Show(message); }};
}

void ProgressView::Clear() {
  if (!has_bar_) return;
  has_bar_ = false;
  std::fputs("\r\x1b[K", out_);
  std::fflush(out_);
}

void ProgressView::Show(const Progress& progress) {
  if (!is_terminal_) {
    std::fputs(PrintProgress(progress).c_str(), out_);
    return;
  }
  const std::string bar = PrintProgressBar(progress, WidthOf(out_) - 1);
  std::fprintf(out_, "\r%s\x1b[K", bar.c_str());
  std::fflush(out_);
  has_bar_ = true;
}

void ProgressView::Show(const LogMessage& message) {
  Clear();
  std::fputs(PrintLogMessage(message).c_str(), out_);
}

}  // namespace mcpbridge::client
