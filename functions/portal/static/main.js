// The portal's first line.
document.title = "Licensing";
