"use strict";
/* A placeholder until the app is here: it tells the run's name and how many rows there are. */
(function () {
  const run = JSON.parse(document.getElementById("run").textContent);
  document.getElementById("app").textContent = run.run.name + ": " + run.rows + " rows";
})();
