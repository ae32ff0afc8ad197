#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "server/app/app.h"
#include "server/config/config.h"

namespace mcpbridge {

// Reads the configuration's file again and has the App go on with what it says, as a whole or not
// at all; says in the log what has come of it. On main's thread, while the App runs.
class Reloader {
 public:
  // Does to a configuration from the file what the command line does.
  using Flags = std::function<void(Config&)>;

  // `text`: what the App has been started with.
  Reloader(std::string file, std::string text, Flags flags, App& app);

  // SIGHUP has come. Unless bridge.reload is off.
  void OnSignal();
  // The file may be another. If it is, and bridge.reload lets files be watched.
  void OnFile();

 private:
  void Reload(std::string_view why, std::string text);
  void Refuse(std::string_view why, const std::vector<ConfigError>& errors);

  const std::string file_;
  std::string text_;  // last read
  bool readable_ = true;
  const Flags flags_;
  App& app_;
};

}  // namespace mcpbridge
